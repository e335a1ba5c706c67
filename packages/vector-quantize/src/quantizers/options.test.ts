/**
 * Every option of every factory, with values that cannot be meant: each gives a VectorQuantizeError,
 * or a quantizer that its configuration rebuilds. `LONG_OPTIONS=1` also lets each of these train, and
 * tries more combinations.
 */
import { type numpy as np, random, tree } from "@jax-js/jax";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as library from "../entrances/index.ts";
import type { Quantizer } from "./contract.ts";

const { fsq, quantizerFromConfig, residualQuantizer, VectorQuantizeError, vectorQuantize } =
  library;

const long = process.env.LONG_OPTIONS !== undefined;
const layers = [vectorQuantize({ dim: 2, codebookSize: 8 }), fsq({ levels: [5, 5] })] as never[];

/** What each factory needs, and no more. */
const required: Record<string, Record<string, unknown>> = {
  binaryMapper: {},
  factorizedVQ: { dim: 4, codebookSize: 8 },
  fsp: { levels: [4, 4] },
  fsq: { levels: [5, 5] },
  groupedQuantizer: { quantizer: residualQuantizer({ layers }), groups: 2 },
  groupedResidualFSQ: { levels: [5, 5], dim: 4, numQuantizers: 2 },
  groupedResidualLFQ: { dim: 4, codebookSize: 4, numQuantizers: 2 },
  groupedResidualVQ: { dim: 4, codebookSize: 8, numQuantizers: 2 },
  hierarchicalVQ: { dim: 4, codebookSize: 8, scales: [1, 2] },
  identity: { dim: 4 },
  latentQuantize: { levels: [4, 4], dim: 2 },
  lfq: { codebookSize: 4 },
  productVQ: { dim: 4, parts: 2 },
  randomProjectionQuantizer: { dim: 4, codebookSize: 8, codebookDim: 2 },
  residualFSQ: { levels: [5, 5], numQuantizers: 2 },
  residualLFQ: { dim: 4, codebookSize: 4, numQuantizers: 2 },
  residualQuantizer: { layers },
  residualSimVQ: { dim: 4, codebookSize: 8, numQuantizers: 2 },
  residualVQ: { dim: 4, codebookSize: 8, numQuantizers: 2 },
  simVQ: { dim: 4, codebookSize: 8 },
  vectorQuantize: { dim: 4, codebookSize: 8 },
};
const types = Object.keys(required);

class Stranger {
  readonly width = 3;
}
let deep: unknown[] = [];
for (let i = 0; i < 10_000; i++) deep = [deep];
const hostile: readonly unknown[] = [
  null,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  0,
  1.5,
  1e9,
  2 ** 31,
  1e308,
  1e-300,
  "x",
  "__proto__",
  {},
  { name: "" },
  { name: "mine" },
  { share: Number.NaN },
  [],
  [null],
  deep,
  [Number.NaN, 1e9],
  Array(100_000).fill(3),
  () => 0,
  Symbol("no"),
  true,
  1n,
  new Stranger(),
  new Float32Array(4),
  new Map(),
];

const exported = new Map<string, unknown>(Object.entries(library));
const factoryOf = (type: string) => exported.get(type) as (options?: unknown) => Quantizer;

/** The message of a VectorQuantizeError, or nothing where a quantizer came out. */
function refusal(make: () => Quantizer): string | undefined {
  let made: Quantizer;
  try {
    made = make();
  } catch (error) {
    expect(error).toBeInstanceOf(VectorQuantizeError);
    return (error as Error).message;
  }
  const saved = JSON.stringify(made.config);
  expect(JSON.stringify(quantizerFromConfig(JSON.parse(saved)).config)).toBe(saved);
  return undefined;
}

/** The options of a factory, as its error for an unknown one lists them. */
function optionsOf(type: string): string[] {
  const message = refusal(() => factoryOf(type)({ ...required[type], "?": 1 }));
  return /: expected one of (.*), got "\?"$/.exec(message ?? "")?.[1]?.split(", ") ?? [];
}

async function trains(type: string, quantizer: Quantizer) {
  const shape = type === "hierarchicalVQ" ? [2, quantizer.dim, 2, 2] : [3, quantizer.dim];
  const { layout = "channelLast" } = quantizer.config;
  if (layout === "image") shape.push(1, 1);
  if (layout === "video") shape.push(1, 1, 1);
  const x = random.normal(random.key(1), shape);
  const call = { training: true, key: random.key(2) };
  const out = quantizer.apply(quantizer.init(random.key(0)), x.ref, call);
  expect(out.quantized.shape.length).toBe(shape.length);
  await (out.quantized as np.Array).ref.data();
  tree.dispose([x, out] as never);
}

it("exports classes of options as types alone", () => {
  expect([...exported.keys()].filter((name) => /^[A-Z]/.test(name))).toEqual([
    "VectorQuantizeError",
  ]);
});

it("knows every factory", () => {
  const message = refusal(() => quantizerFromConfig({ type: "?" }));
  const listed = /expected one of (.*), got/.exec(message ?? "")?.[1]?.split(", ");
  expect(listed?.sort()).toEqual(types);
});

describe.each(types)("%s", (type) => {
  const make = factoryOf(type);
  const base = required[type] as Record<string, unknown>;
  const names = optionsOf(type);

  it("takes what it needs", () => {
    expect(refusal(() => make(base))).toBeUndefined();
    expect(names).toEqual(expect.arrayContaining(Object.keys(base)));
  });

  it("names an option that is missing", () => {
    for (const name of Object.keys(base)) {
      const { [name]: _, ...rest } = base;
      expect(refusal(() => make(rest))).toContain(name);
      expect(refusal(() => make({ ...rest, [name]: undefined }))).toContain(name);
    }
  });

  it("takes undefined as not given", () => {
    const nothing = Object.fromEntries(names.map((name) => [name, undefined]));
    expect(make({ ...nothing, ...base }).config).toEqual(make(base).config);
  });

  it.each([[null], [0], ["x"], [[]], [() => 0], [Symbol("no")]])("refuses %s for all", (all) => {
    expect(refusal(() => make(all))).toMatch(/^\w+: options: expected an object/);
  });

  it("names an option with a hostile value, or works", async () => {
    for (const name of names) {
      for (const value of hostile) {
        const message = refusal(() => make({ ...base, [name]: value }));
        if (message !== undefined) expect(message.length).toBeLessThan(1500);
        const small = typeof value !== "number" || value < 1e5;
        if (message === undefined && small && long) {
          await trains(type, make({ ...base, [name]: value }));
        }
      }
    }
  });

  it("refuses null for every option", () => {
    for (const name of names) {
      expect(
        refusal(() => make({ ...base, [name]: null })),
        name,
      ).toContain(name);
    }
  });

  it("gives for any options an error or a quantizer that is rebuilt", () => {
    const words = ["cosine", "image", "directional", "none", "bound", "step", "kurt", "tanh"];
    const value = fc.oneof(
      fc.constantFrom(...words, true, false, { share: 0.5 }, [4, 4], [1, 2], 2 ** 40),
      fc.double(),
      fc.integer({ min: -1, max: 9 }),
      fc.anything(),
    );
    const options = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 4 });
    fc.assert(
      fc.property(options, (own) => {
        refusal(() => make({ ...base, ...own }));
      }),
      { numRuns: long ? 20_000 : 200 },
    );
  });
});

it.each(types.filter((type) => "levels" in (required[type] as object)))(
  "%s keeps its levels, whatever becomes of the list that it was given",
  async (type) => {
    const options = structuredClone(required[type]) as { levels: number[] };
    const quantizer = factoryOf(type)(options);
    options.levels.fill(9);
    expect(quantizer.config.levels).toEqual(required[type]?.levels);
    expect(await output(quantizer)).toEqual(await output(factoryOf(type)(required[type])));
  },
);

async function output(quantizer: Quantizer) {
  const x = random.normal(random.key(1), [5, quantizer.dim]);
  const { quantized, ...rest } = quantizer.apply(quantizer.init(random.key(0)), x);
  tree.dispose(rest as never);
  return [...(await (quantized as np.Array).data())];
}

describe("says what is wrong", () => {
  it.each([
    [
      "vectorQuantize",
      { codebookSize: undefined },
      "codebookSize: expected an integer of at least 1, got undefined",
    ],
    ["vectorQuantize", { dim: undefined }, "dim: expected an integer of at least 1, got undefined"],
    [
      "vectorQuantize",
      undefined,
      "options: expected an object with dim, codebookSize, got undefined",
    ],
    ["vectorQuantize", { heads: 1e9 }, "heads: expected at most 1024, got 1000000000"],
    ["vectorQuantize", { eps: 1e308 }, "eps: expected a number of float32, which ends at 3.4e38"],
    [
      "vectorQuantize",
      { codebookSize: 2 ** 24, codebookDim: 128 },
      "codebook: expected at most 1073741824 numbers, 4 GiB of float32, got 1 x 16777216 x 128",
    ],
    ["vectorQuantize", { commitment: { name: "x" } }, 'Loading a model with "x" needs it again'],
    ["residualVQ", { dim: 0 }, "residualVQ: dim: expected an integer of at least 1, got 0"],
    ["residualVQ", { sharedCodebook: "yes" }, 'sharedCodebook: expected true or false, got "yes"'],
    ["residualVQ", { codebookSize: [8, 0] }, "codebookSize[1]: expected an integer of at least 1"],
    ["residualVQ", { implicitDepth: 1e9 }, "implicitDepth: expected at most 1024"],
    ["residualFSQ", { layout: "x" }, 'layout: expected one of "channelLast", "channelFirst"'],
    ["residualFSQ", { numQuantizers: 60 }, "numQuantizers: expected at most 54 with 5 levels"],
    ["residualLFQ", { numQuantizers: 127 }, "numQuantizers: expected at most 126, got 127"],
    ["simVQ", { decay: 0.9 }, 'simVQ: option "decay": expected one of dim, codebookSize,'],
    ["simVQ", { commitmentWeight: Number.NaN }, "commitmentWeight: expected a finite number"],
    ["residualSimVQ", { unknown: 1 }, 'residualSimVQ: option "unknown": expected one of dim,'],
    ["fsq", { dim: null }, "fsq: dim: expected an integer of at least 1, got null"],
    ["fsq", { numCodebooks: 1e9 }, "numCodebooks: expected at most 1024"],
    [
      "lfq",
      { codebookSize: undefined, dim: 1e9 },
      "dim, without codebookSize: expected at most 4096",
    ],
    ["latentQuantize", { levels: 5, codebookDim: 1e9 }, "codebookDim: expected at most 4096"],
    [
      "latentQuantize",
      { levels: Array(8).fill(2 ** 22) },
      "levels: expected at most 16777216 in all",
    ],
    ["groupedQuantizer", { quantizer: layers[0] }, 'a residual quantizer, got "vectorQuantize"'],
    ["residualQuantizer", { layers: [null] }, "layers[0]: expected a quantizer, got null"],
  ])("%s %o", (type, own, message) => {
    const options = own && { ...required[type], ...own };
    expect(refusal(() => factoryOf(type)(options))).toContain(message);
  });

  it("bounds maps where there are some alone", () => {
    for (const type of ["vectorQuantize", "residualVQ", "groupedResidualVQ", "residualLFQ"]) {
      expect(refusal(() => factoryOf(type)({ ...required[type], dim: 2 ** 17 }))).toBeUndefined();
    }
  });

  it.each([
    ["vectorQuantize", "codebook_size", "Did you mean codebookSize?"],
    ["vectorQuantize", "codebooksize", "Did you mean codebookSize?"],
    ["vectorQuantize", "comitmentWeight", "Did you mean commitmentWeight?"],
    ["residualVQ", "quantizers", "Did you mean numQuantizers?"],
    ["vectorQuantize", "use_cosine_sim", 'Did you mean metric: "cosine"?'],
    ["vectorQuantize", "useCosineSim", 'Did you mean metric: "cosine"?'],
    ["vectorQuantize", "rotation_trick", 'Did you mean gradient: "rotation"?'],
    ["vectorQuantize", "accept_image_fmap", 'Did you mean layout: "image"?'],
    ["vectorQuantize", "accept3dFmap", 'Did you mean layout: "video"?'],
    ["fsq", "forceQuantizationF32", "All is float32 here"],
    ["vectorQuantize", "channel_last", 'Did you mean layout: "channelLast"?'],
    ["vectorQuantize", "kmeans_init", "Codes start from data by fit(variables, sample)"],
    ["residualFSQ", "bound_hard_clamp", 'Did you mean bounds: "softClamp"?'],
    ["fsq", "bound_hard_clamp", "Did you mean boundHardClamp?"],
    ["fsp", "act_name", "Did you mean activation?"],
    ["lfq", "entropy_loss_offset", "Did you mean softplusEntropyLoss: { offset }?"],
    ["hierarchicalVQ", "quant_resi", "Did you mean residualRatio?"],
  ])("%s: %s: %s", (type, name, mend) => {
    expect(refusal(() => factoryOf(type)({ ...required[type], [name]: 1 }))).toMatch(
      new RegExp(`got "${name}"\\. ${mend.replace(/[?()]/g, "\\$&")}$`),
    );
  });

  it.each([
    ["channel_last", 'layout: "channelFirst"'],
    ["rotationTrick", 'gradient: "straightThrough"'],
  ])("%s: false is the opposite", (name, meant) => {
    const options = { ...required.vectorQuantize, [name]: false };
    expect(refusal(() => factoryOf("vectorQuantize")(options))).toContain(`Did you mean ${meant}?`);
  });

  it("suggests nothing for what is like nothing", () => {
    expect(refusal(() => factoryOf("identity")({ dim: 4, xyzzy: 1 }))).toMatch(/got "xyzzy"$/);
  });
});
