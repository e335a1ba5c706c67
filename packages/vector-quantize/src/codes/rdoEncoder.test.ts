import { describe, expect, test } from "vitest";
import { numbers } from "../../../../test/support/numbers.ts";
import { chooseCodes, type LayerOfCodes, tablesFor } from "./codeLayer.ts";
import { codesToBytes } from "./codesToBytes.ts";
import type { CodeLayer } from "./layers.ts";
import { createRdoEncoder, type RdoOptions } from "./rdoEncoder.ts";
import { primedBy } from "./segment.ts";
import { trainPrior } from "./trainPrior.ts";
import { treeOrder } from "./treeOrder.ts";

const dim = 3;
const draw = numbers(4);
const some = (count: number, scale = 1) =>
  Float32Array.from({ length: count }, () => (scale * (draw(2001) - 1000)) / 1000);

const books = [some(60 * dim), some(40 * dim, 0.4)];
const layers: CodeLayer[] = [
  { size: 60, order: treeOrder(books[0]!, dim) },
  { size: 40, levels: [8, 5] },
];
const options: RdoOptions = { layers, codebooks: books, dim, lambda: 0.1 };
const shape = [30, 40];
/** Vectors that change slowly, with some noise. */
const picture = (seed: number) =>
  Float32Array.from({ length: 1200 * dim }, (_, i) => {
    const [at, d] = [Math.floor(i / dim), i % dim];
    return (((at % 40) * (d + 1) + (at / 40) * seed) % 50) / 50 + draw(100) / 400 - 0.5;
  });

async function chosen(given: Partial<RdoOptions>, vectors: readonly Float32Array[], at = shape) {
  const encoder = await createRdoEncoder({ ...options, ...given });
  const codes: Int32Array[] = [];
  for (const x of vectors) codes.push(await encoder.encode(x.slice(), at));
  encoder.dispose();
  return codes;
}

/** The nearest codes, layer by layer. */
function nearest(vectors: Float32Array): Int32Array {
  const left = vectors.slice();
  const codes = new Int32Array((left.length / dim) * 2);
  for (let i = 0; i < codes.length; i++) {
    const [at, q] = [i >> 1, i & 1];
    const x = left.subarray(at * dim, (at + 1) * dim);
    const gap = (k: number) =>
      x.reduce((sum, value, d) => sum + (value - books[q]![k * dim + d]!) ** 2, 0);
    for (let k = 0; k < layers[q]!.size; k++) if (gap(k) < gap(codes[i]!)) codes[i] = k;
    x.forEach((value, d) => {
      x[d] = value - books[q]![codes[i]! * dim + d]!;
    });
  }
  return codes;
}

function errorOf(vectors: Float32Array, codes: Int32Array): number {
  return vectors.reduce((sum, value, i) => {
    const at = Math.floor(i / dim);
    const made = [0, 1].map((q) => books[q]![codes[2 * at + q]! * dim + (i % dim)]!);
    return sum + (value - made[0]! - made[1]!) ** 2;
  }, 0);
}

describe("codes that are chosen for their bits", () => {
  test("are the nearest where bits are worth nothing", async () => {
    const x = picture(3);
    expect((await chosen({ lambda: 0 }, [x]))[0]).toEqual(nearest(x));
  });

  test("take fewer bytes the more bits are worth, and leave more", async () => {
    const x = picture(3);
    let [bytes, error] = [Number.POSITIVE_INFINITY, 0];
    for (const lambda of [0, 0.05, 0.2, 1]) {
      const [codes] = (await chosen({ lambda }, [x])) as [Int32Array];
      const size = codesToBytes(codes, { shape, layers }).length;
      expect(size).toBeLessThan(bytes * 0.95);
      expect(errorOf(x, codes)).toBeGreaterThan(error);
      [bytes, error] = [size, errorOf(x, codes)];
    }
  });

  test("behind a prior take fewer bytes there than those chosen without", async () => {
    const known = await Promise.all(
      [1, 2, 4, 5].map((seed) => chosen({ lambda: 0 }, [picture(seed)])),
    );
    const pictures = known.map(([codes]) => ({ shape, codes: codes! }));
    const prior = await trainPrior(pictures, { layers });
    const small = [2, 40];
    const cuts = Array.from({ length: 15 }, (_, i) =>
      picture(3).subarray(i * 80 * dim, (i + 1) * 80 * dim),
    );
    const bytes = (codes: Int32Array[]) =>
      codes.map((one) => codesToBytes(one, { shape: small, layers, prior }));
    const total = (all: Uint8Array[]) => all.reduce((sum, { length }) => sum + length, 0);
    const blind = await chosen({ groupPositions: 1 }, cuts, small);
    const before = bytes(blind);
    const told = await chosen({ prior, groupPositions: 1 }, cuts, small);
    expect(total(bytes(told))).toBeLessThan(total(before));
    expect(bytes(blind)).toEqual(before); // the prior is as it was
    const grouped = await chosen({ prior }, cuts, small);
    expect(grouped[0]).toEqual(told[0]);
    expect(grouped).not.toEqual(told); // what came before counts
  });

  test("begin anew where a group of the file does", async () => {
    const [x, y] = [picture(3), picture(7)];
    const [alone] = await chosen({ groupPositions: 1200 * 16 }, [y]);
    const grouped = await chosen({ groupPositions: 1200 * 16 + 1 }, [x, y]);
    const apart = await chosen({ groupPositions: 1200 * 16 }, [x, y]);
    expect(apart[1]).toEqual(alone);
    expect(grouped[0]).toEqual(apart[0]);
    expect(grouped[1]).not.toEqual(alone);
  });

  test.each<[string, Partial<RdoOptions>, string]>([
    [
      "a negative lambda",
      { lambda: -1 },
      "createRdoEncoder: lambda: expected a finite number of at least 0, got -1",
    ],
    [
      "one codebook of two",
      { codebooks: [books[0]!] },
      "createRdoEncoder: codebooks: expected one for each of 2 layers",
    ],
    [
      "another dim",
      { dim: 2 },
      "createRdoEncoder: codebooks[0]: expected 60 codes of 2 features, got 180",
    ],
    ["no layers", { layers: [] }, "createRdoEncoder: layers: expected a list of 1 to 4096 layers"],
    ["a slip", { lamda: 1 } as never, "Did you mean lambda?"],
  ])("%s is refused", async (_, wrong, message) => {
    await expect(createRdoEncoder({ ...options, ...wrong })).rejects.toThrow(message);
  });

  test("vectors that don't fit, that are not finite, or too soon, are refused", async () => {
    const encoder = await createRdoEncoder(options);
    const x = picture(3);
    await expect(encoder.encode(x, [2, 2])).rejects.toThrow("rdo encode: vectors: expected 12");
    const broken = Float32Array.of(0, Number.NaN, 0);
    await expect(encoder.encode(broken, [1])).rejects.toThrow("vectors[1]: expected a finite");
    const first = encoder.encode(x.slice(), shape);
    await expect(encoder.encode(x.slice(), shape)).rejects.toThrow("an encoder that is waited for");
    await first;
    expect(await encoder.encode(new Float32Array(0), [0])).toEqual(new Int32Array(0));
    encoder.dispose();
  });
});

test.each<[string, CodeLayer]>([
  ["plain", { size: 50 }],
  ["digits", { size: 60, levels: [4, 3, 5] }],
])("the cost of %s codes is what they take, with earlier layers and behind a prior", (_, layer) => {
  const { size, levels = [size] } = layer;
  const grid = [40, 50];
  const above = Int32Array.from({ length: 2000 }, () => draw(9));
  const codes = above.map((code, i) => (code * 5 + (i >> 8) + draw(6)) % size);
  const work = (): LayerOfCodes => ({
    ...{
      grids: [grid],
      radix: size,
      digits: levels,
      codes: new Int32Array(2000),
      earlier: [above],
    },
  });
  const costWith = (mixer: ReturnType<typeof tablesFor>, of: LayerOfCodes) => {
    let bits = 0;
    for (const range of [
      [0, 700],
      [700, 2000],
    ] as const) {
      chooseCodes(mixer, of, range, (at, cost) => {
        bits += cost(codes[at]!) / 65536;
        return codes[at]!;
      });
    }
    expect(of.codes).toEqual(codes);
    return bits / 8;
  };
  const both = Int32Array.from({ length: 4000 }, (_, i) => (i % 2 ? codes : above)[i >> 1]!);
  const how = { shape: grid, layers: [{ size: 9 }, layer] };
  const bytes =
    codesToBytes(both, how).length - codesToBytes(above, { ...how, layers: [{ size: 9 }] }).length;
  expect(Math.abs(costWith(tablesFor(work(), 0), work()) - bytes)).toBeLessThan(5);
  const segment = Uint8Array.of(5);
  const primed = primedBy(segment, layer, [grid], codes, [above])!;
  const told = { ...work(), primed: primed.tables };
  expect(costWith(primed.tables.copy(), told)).toBeLessThan(bytes * 0.9);
});
