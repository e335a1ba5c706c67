import { afterAll, describe, expect, it } from "vitest";
import * as kernels from "../entrances/kernels.ts";
import { VectorQuantizeError } from "../errors.ts";

/** A call with one argument or option that it can't use. */
type Case = [what: string, call: () => unknown, message: string];

const pool = kernels.createPool({ threads: 1 });
const disposedPool = kernels.createPool({ threads: 1 });
disposedPool.dispose();
afterAll(() => pool.dispose());

const dim = 2;
const floats = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const books = [floats, floats.slice(0, 4)];
const ints = Int32Array.of(0, 1, 0, 1);
const codec = kernels.fsqCodec({ levels: [5, 4], preserveSymmetry: true });
const layered = kernels.residualFsqCodec({ levels: [5, 4], numQuantizers: 2 });

/** What stands for a list of numbers and is none of the right kind, and how the errors show it. */
const noFloats: [unknown, string][] = [
  [null, "got null"],
  [undefined, "got undefined"],
  [[1, 2, 3, 4], "got [1, 2, 3, 4]. `Float32Array.from(values)` makes one"],
  [new Float64Array(4), "got Float64Array. `Float32Array.from(values)` makes one"],
  [new Int32Array(4), "got Int32Array"],
  [new ArrayBuffer(16), "got ArrayBuffer"],
  [{ length: 4 }, "got Object"],
  ["1234", 'got "1234"'],
  [4, "got 4"],
];
const noInts: [unknown, string][] = [
  [null, "got null"],
  [[0, 1], "got [0, 1]"],
  [new Float32Array(4), "got Float32Array"],
  [new Uint32Array(4), "got Uint32Array"],
  [7, "got 7"],
];
const noSizes = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "2", null, undefined];

type Loose = (...given: unknown[]) => unknown;
const any = <F>(f: F) => f as Loose;

/** Each function, with arguments that it takes: places of floats and ints, options that it needs. */
const functions: [
  name: string,
  call: Loose,
  given: unknown[],
  more: { floats?: number[]; ints?: number[]; sizes?: string[]; options: number },
][] = [
  [
    "createSearch",
    any(kernels.createSearch),
    [floats, { dim, pool }],
    { floats: [0], sizes: ["dim"], options: 1 },
  ],
  [
    "createResidualSearch",
    any(kernels.createResidualSearch),
    [books, { dim, pool }],
    { sizes: ["dim"], options: 1 },
  ],
  [
    "assignStats",
    any(kernels.assignStats),
    [floats, ints, { dim, codes: 4, pool }],
    { floats: [0], ints: [1], sizes: ["dim", "codes"], options: 2 },
  ],
  [
    "residualStats",
    any(kernels.residualStats),
    [floats, Int32Array.of(0, 1, 0, 1, 0, 1, 0, 1), books, { dim, pool }],
    { floats: [0], ints: [1], sizes: ["dim"], options: 3 },
  ],
  [
    "gather",
    any(kernels.gather),
    [floats, ints, { dim, pool }],
    { floats: [0], ints: [1], sizes: ["dim"], options: 2 },
  ],
  [
    "decodeSum",
    any(kernels.decodeSum),
    [books, ints, { dim, pool }],
    { ints: [1], sizes: ["dim"], options: 2 },
  ],
  [
    "kmeans",
    any(kernels.kmeans),
    [floats, { dim, clusters: 2, pool }],
    { floats: [0], sizes: ["dim", "clusters"], options: 1 },
  ],
  [
    "encodeLevels",
    any(kernels.encodeLevels),
    [codec, floats, { pool }],
    { floats: [1], options: 2 },
  ],
  ["decodeLevels", any(kernels.decodeLevels), [codec, ints, { pool }], { ints: [1], options: 2 }],
  [
    "encodeResidualLevels",
    any(kernels.encodeResidualLevels),
    [layered, floats, { pool }],
    { floats: [1], options: 2 },
  ],
  [
    "decodeResidualLevels",
    any(kernels.decodeResidualLevels),
    [layered, ints, { pool }],
    { ints: [1], options: 2 },
  ],
  [
    "encodeSigns",
    any(kernels.encodeSigns),
    [floats, { dim, pool }],
    { floats: [0], sizes: ["dim"], options: 1 },
  ],
  [
    "decodeSigns",
    any(kernels.decodeSigns),
    [ints, { dim, pool }],
    { ints: [0], sizes: ["dim"], options: 1 },
  ],
];

const changed = (given: unknown[], at: number, value: unknown) => given.with(at, value);

/** What every function refuses, at each of its places. */
const cases: Case[] = functions.flatMap(([name, call, given, more]) => {
  const options = given[more.options] as object;
  const withOptions = (other: object) => changed(given, more.options, { ...options, ...other });
  const needsOptions = more.sizes !== undefined;
  const found: Case[] = [];
  const add = (what: string, other: unknown[], message: string) =>
    found.push([`${name}, ${what}`, () => call(...other), message]);
  for (const at of more.floats ?? []) {
    for (const [value, message] of noFloats) {
      add(`argument ${at} ${String(value)}`, changed(given, at, value), message);
    }
  }
  for (const at of more.ints ?? []) {
    for (const [value, message] of noInts) {
      add(`argument ${at} ${String(value)}`, changed(given, at, value), message);
    }
  }
  for (const size of more.sizes ?? []) {
    for (const value of noSizes) {
      add(`${size} ${value}`, withOptions({ [size]: value }), `${size}: expected an integer`);
    }
    add(`${size} 1e9`, withOptions({ [size]: 1e9 }), "expected");
  }
  for (const value of [null, 3, "pool", [], ...(needsOptions ? [undefined] : [])]) {
    const without = changed(given, more.options, value);
    add(`options ${String(value)}`, without, "options: expected an object of");
  }
  add("an unknown option", withOptions({ pol: 1 }), 'option "pol"');
  for (const other of [null, 3, {}]) {
    add(
      `pool ${String(other)}`,
      withOptions({ pool: other }),
      "pool: expected one from createPool",
    );
  }
  add("a pool that is gone", withOptions({ pool: disposedPool }), "that was disposed of");
  return found;
});

const more: Case[] = [
  ...[null, undefined, {}, floats, [], [null], [[1, 2]], [floats, new Float64Array(2)]].flatMap(
    (value): Case[] => [
      [
        `codebooks of a search ${String(value)}`,
        () => any(kernels.createResidualSearch)(value, { dim, pool }),
        "codebooks",
      ],
      [
        `codebooks to decode ${String(value)}`,
        () => any(kernels.decodeSum)(value, ints, { dim, pool }),
        "codebooks",
      ],
      [
        `codebooks of residuals ${String(value)}`,
        () => any(kernels.residualStats)(floats, ints, value, { dim, pool }),
        "codebooks",
      ],
    ],
  ),
  ...[null, undefined, {}, 5, { ...codec, levels: [5] }, { ...codec, thresholds: [1] }].flatMap(
    (value): Case[] => [
      [`codec ${value}`, () => any(kernels.encodeLevels)(value, floats, { pool }), "codec"],
      [`codec back ${value}`, () => any(kernels.decodeLevels)(value, ints, { pool }), "codec"],
    ],
  ),
  ...[null, undefined, {}, { ...layered, scales: [] }, { ...layered, bound: [[1, 2]] }].flatMap(
    (value): Case[] => [
      [
        `layers ${value}`,
        () => any(kernels.encodeResidualLevels)(value, floats, { pool }),
        "codec",
      ],
      [
        `layers back ${value}`,
        () => any(kernels.decodeResidualLevels)(value, ints, { pool }),
        "codec",
      ],
    ],
  ),
  ...[null, undefined, 5, [], [1], [2.5], [Number.NaN], ["5"], [1e9], Array(1e5).fill(2)].flatMap(
    (levels): Case[] => [
      [`fsq levels ${levels}`.slice(0, 40), () => any(kernels.fsqCodec)({ levels }), "levels"],
      [`fsp levels ${levels}`.slice(0, 40), () => any(kernels.fspCodec)({ levels }), "levels"],
      [
        `residual levels ${levels}`.slice(0, 40),
        () => any(kernels.residualFsqCodec)({ levels, numQuantizers: 2 }),
        "levels",
      ],
    ],
  ),
  ...[null, undefined, 3, []].flatMap((options): Case[] => [
    [`fsq ${options}`, () => any(kernels.fsqCodec)(options), "options: expected an object"],
    [`fsp ${options}`, () => any(kernels.fspCodec)(options), "options: expected an object"],
    [`residual ${options}`, () => any(kernels.residualFsqCodec)(options), "options: expected an"],
  ]),
  ["symmetry", () => any(kernels.fsqCodec)({ levels: [5], preserveSymmetry: 1 }), "true or false"],
  ["layers", () => any(kernels.residualFsqCodec)({ levels: [5], numQuantizers: 1e9 }), "at most"],
  ["a rule", () => any(kernels.levelCodec)("levels", [5], null), "rule: expected"],
  ["pool options", () => any(kernels.createPool)(null), "options: expected an object"],
  ...[0, -1, 1.5, Number.NaN, 1e9, null, "2"].map(
    (threads): Case => [
      `threads ${threads}`,
      () => any(kernels.createPool)({ threads }),
      "createPool: threads",
    ],
  ),
  ...[null, [1, 2], new Float32Array(7), new Float64Array(8)].map(
    (out): Case => [
      `out ${out}`,
      () => any(kernels.gather)(floats, ints, { dim, pool, out }),
      "decodeSum: out: expected",
    ],
  ),
  ["an index", () => kernels.gather(floats, Int32Array.of(4), { dim, pool }), "-1 or 0 ... 3"],
  ["reproducible", () => any(kernels.createSearch)(floats, { dim, pool, reproducible: 1 }), "true"],
  ["a metric", () => any(kernels.createSearch)(floats, { dim, pool, metric: null }), "one of"],
  [
    "weights",
    () => any(kernels.createResidualSearch)(books, { dim, pool, weights: null }),
    "weights: expected an array",
  ],
  [
    "a batch",
    () => any(kernels.kmeans)(floats, { dim, clusters: 2, batchSize: null }),
    "batchSize",
  ],
  [
    "too many codes",
    () =>
      kernels.assignStats(new Float32Array(0), new Int32Array(0), { dim: 1e6, codes: 1e6, pool }),
    "kernel memory: expected room for",
  ],
];

async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return error;
  }
}

describe("what can't be used is a clear error, and holds no memory", () => {
  it.each([...cases, ...more])("%s", async (_, call, message) => {
    const before = pool.memory.used;
    const error = await errorOf(call);
    expect(error).toBeInstanceOf(VectorQuantizeError);
    expect((error as Error).message).toContain(message);
    await pool.exclusive(() => {});
    expect(pool.memory.used).toBe(before);
  });
});

it("every function of the entrance is among them", () => {
  const tried = functions.map(([name]) => name);
  const others = ["createPool", "defaultPool", "fsqCodec", "fspCodec", "levelCodec"];
  expect([...tried, ...others, "residualFsqCodec"].sort()).toEqual(Object.keys(kernels).sort());
});

it("a search refuses what it can't use, also once it is disposed of, and goes on", async () => {
  const search = await kernels.createSearch(floats, { dim, pool });
  const residual = await kernels.createResidualSearch(books, { dim, pool });
  const loose = search as unknown as Record<string, Loose>;
  const looseResidual = residual as unknown as Record<string, Loose>;
  await search.nearest(floats); // scratch memory stays with the pool
  await search.nearestTopK(floats, 4);
  await residual.nearest(floats);
  const before = pool.memory.used;
  const refuses = async (call: () => unknown) => {
    const error = await errorOf(call);
    expect(error).toBeInstanceOf(VectorQuantizeError);
    expect(pool.memory.used).toBe(before);
  };
  for (const [value] of noFloats) {
    await refuses(() => loose.nearest!(value));
    await refuses(() => loose.nearestTopK!(value, 2));
    await refuses(() => loose.setCodebook!(value));
    await refuses(() => looseResidual.nearest!(value));
    await refuses(() => looseResidual.set!(value));
    await refuses(() => looseResidual.set!([value, value]));
  }
  for (const k of [...noSizes, 5, 33, 1e9]) await refuses(() => loose.nearestTopK!(floats, k));
  await refuses(() => search.nearest(new Float32Array(3)));
  expect([...(await search.nearest(floats)).indices]).toEqual([0, 1, 2, 3]);
  expect((await residual.nearest(floats)).indices).toHaveLength(8);
  search.dispose();
  residual.dispose();
  await pool.exclusive(() => {});
  for (const call of [
    () => search.nearest(floats),
    () => search.nearestTopK(floats, 1),
    () => search.setCodebook(floats),
    () => residual.nearest(floats),
    () => residual.set(books),
  ]) {
    expect(String(await errorOf(call))).toContain("expected one that is in use");
  }
});
