import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { numbers } from "../../../../test/support/numbers.ts";
import { codesFromBytes, codesToBytes } from "./codesToBytes.ts";
import { bitsBelow, packCodes, packedBytes, unpackCodes } from "./fixedPacking.ts";
import { type CodeLayer, codeLayers } from "./layers.ts";
import { treeOrder } from "./treeOrder.ts";

const sizes = [1, 2, 3, 5, 64, 255, 256, 257, 1000, 4096, 2 ** 20, 2 ** 20 + 7, 2 ** 30, 2 ** 31];

/** An order that is none of those that are likely. */
function shuffled(size: number, seed: number): Uint32Array {
  const draw = numbers(seed);
  const order = Uint32Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const j = draw(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

const layer: fc.Arbitrary<CodeLayer> = fc.oneof(
  fc.constantFrom(...sizes).map((size) => ({ size })),
  fc.integer({ min: 1, max: 300 }).map((size) => ({ size, order: shuffled(size, size) })),
  fc
    .array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 })
    .map((levels) => ({ size: levels.reduce((a, b) => a * b, 1), levels })),
);

/** Grids, layers and codes: even, few different ones, runs, with and without holes. */
const streams = fc
  .record({
    shape: fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 4 }),
    layers: fc.array(layer, { minLength: 1, maxLength: 4 }),
    seed: fc.integer(),
    kind: fc.constantFrom("even", "few", "runs", "holes"),
  })
  .map(({ shape, layers, seed, kind }) => {
    const draw = numbers(seed);
    const count = shape.reduce((a, b) => a * b, 1);
    const codes = Array.from({ length: count * layers.length }, (_, i) => {
      const { size } = layers[i % layers.length]!;
      if (kind === "holes" && draw(3) === 0) return -1;
      if (kind === "runs") return Math.min(size - 1, Math.floor(i / 16));
      return draw(kind === "few" ? Math.min(size, 3) : size);
    });
    return { shape, layers, codes };
  });

describe("codes as bytes", () => {
  test("come back, whatever they are", () => {
    fc.assert(
      fc.property(streams, ({ codes, ...how }) => {
        const bytes = codesToBytes(codes, how);
        expect(Array.from(codesFromBytes(bytes, how))).toEqual(codes);
        const coarse = codes.filter((_, i) => i % how.layers.length === 0);
        expect(Array.from(codesFromBytes(bytes, how, 1))).toEqual(coarse);
      }),
      { numRuns: 300 },
    );
  });

  test("are never larger than packed ones, but for a byte and a length a layer", () => {
    fc.assert(
      fc.property(streams, ({ codes, ...how }) => {
        const holes = codes.includes(-1) ? 1 : 0;
        const positions = codes.length / how.layers.length;
        const packed = how.layers.map(({ size }) => packedBytes(positions, size + holes));
        const most = packed.reduce((sum, bytes) => sum + bytes + 1 + 4, 0);
        expect(codesToBytes(codes, how).length).toBeLessThanOrEqual(most);
      }),
    );
  });

  test("cost little where neighbours tell about them", () => {
    const shape = [64, 64];
    const codes = Int32Array.from({ length: 4096 }, (_, i) => ((i % 64) + (i >> 6)) % 512);
    const bytes = codesToBytes(codes, { shape, layers: [{ size: 512 }] });
    expect(bytes.length * 8).toBeLessThan(4096 * 2);
  });

  test("cost little where the layer before tells about them, and nothing more where it does not", () => {
    const draw = numbers(1);
    const told = Int32Array.from({ length: 8192 }, () => 0);
    const even = Int32Array.from({ length: 8192 }, () => draw(256));
    for (let i = 0; i < told.length; i += 2) {
      told[i] = draw(256);
      told[i + 1] = 255 - told[i]!;
    }
    const how = { shape: [4096], layers: [{ size: 256 }, { size: 256 }] };
    expect(codesToBytes(told, how).length).toBeLessThan(6400);
    expect(codesToBytes(even, how).length).toBeLessThan(8192 + 8);
  });

  test("cost less with an order in which neighbours are alike", () => {
    const draw = numbers(2);
    const names = shuffled(256, 3); // of codes whose vectors lie along a line
    const codes = Int32Array.from({ length: 4096 }, (_, i) => names[((i >> 4) % 251) ^ draw(4)]!);
    const codebook = new Float32Array(256);
    names.forEach((code, place) => {
      codebook[code] = place;
    });
    const order = treeOrder(codebook, 1);
    const size = (layer: CodeLayer) =>
      codesToBytes(codes, { shape: [4096], layers: [layer] }).length;
    expect(size({ size: 256, order })).toBeLessThan(size({ size: 256 }) * 0.9);
  });

  test.each([
    [[1.5], "codes[0]: expected an integer from -1 to 7, got 1.5"],
    [[8], "codes[0]: expected an integer from -1 to 7, got 8"],
    [[-2], "codes[0]: expected an integer from -1 to 7, got -2"],
    [[Number.NaN], "codes[0]: expected an integer from -1 to 7, got NaN"],
    [[1, 2], "codes: expected 1 indices, got 2"],
  ])("%j is refused", (codes, message) => {
    expect(() => codesToBytes(codes, { shape: [1], layers: [{ size: 8 }] })).toThrow(message);
  });

  test.each<[CodeLayer[], string]>([
    [[], "layers: expected a list of 1 to 4096 layers"],
    [[{ size: 0 }], "layers[0].size: expected an integer of at least 1, got 0"],
    [[{ size: 2 ** 31 + 1 }], "layers[0].size: expected at most 2147483648"],
    [[{ size: 6, levels: [2, 2] }], "layers[0].levels: expected a product of 6, got [2, 2]"],
    [[{ size: 2, order: Uint32Array.of(1, 1) }], "order[1]: expected a place below 2 of its own"],
    [[{ size: 2, levels: [2], order: Uint32Array.of(0, 1) }], "expected none beside levels"],
  ])("layers %j are refused", (layers, message) => {
    expect(() => codesToBytes([0], { shape: [1], layers })).toThrow(message);
  });

  test("with more bytes behind them, or fewer, are an error", () => {
    const how = { shape: [400], layers: [{ size: 64 }] };
    const coded = codesToBytes(new Int32Array(400), how);
    expect(coded.length).toBeLessThan(30);
    const longer = Uint8Array.of(...coded, 1, 2, 3, 4, 5);
    expect(() => codesFromBytes(longer, how)).toThrow("the end of its bits, got more bytes");
    const draw = numbers(4);
    const packed = codesToBytes(
      Int32Array.from({ length: 400 }, () => draw(64)),
      how,
    );
    expect(packed.length).toBe(301);
    const message = "layer 0: expected 301 bytes for 400 codes below 64, got";
    expect(() => codesFromBytes(packed.subarray(1), how)).toThrow("a mode of version 1");
    expect(() => codesFromBytes(packed.subarray(0, 300), how)).toThrow(`${message} 300`);
    expect(() => codesFromBytes(Uint8Array.of(...packed, 0), how)).toThrow(`${message} 302`);
  });

  test("other bytes are an error or other codes, never a hang", () => {
    const how = { shape: [5, 7], layers: [{ size: 100 }, { size: 8, levels: [2, 4] }] };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          const codes = codesFromBytes(bytes, how);
          codes.forEach((code, i) => {
            expect(code).toBeLessThan(i % 2 ? 8 : 100);
          });
        } catch (error) {
          expect(String(error)).toMatch(/^VectorQuantizeError: codesFromBytes/);
        }
      }),
    );
  });
});

describe("packing", () => {
  test("takes the whole bits of blocks: three codes of 5 in 7 bits, ten of 1,000 in 100", () => {
    expect(packedBytes(24, 5)).toBe(7);
    expect(packedBytes(80, 1000)).toBe(100);
    expect(packedBytes(64, 512)).toBe(72);
    expect(packedBytes(1e6, 1)).toBe(0);
    expect(packedBytes(1, 2 ** 31)).toBe(4);
  });

  test("is exact for every radix", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 1, max: 2 ** 31 }), fc.constantFrom(...sizes)),
        fc.integer({ min: 0, max: 70 }),
        fc.integer(),
        (radix, count, seed) => {
          const draw = numbers(seed);
          const codes = Uint32Array.from({ length: count }, () => draw(radix));
          codes[0] = radix - 1;
          const back = new Uint32Array(count);
          expect(unpackCodes(packCodes(codes, radix), radix, back)).toBe(true);
          expect(back).toEqual(codes);
          expect(packedBytes(count, radix) * 8).toBeLessThan(count * bitsBelow(radix) + 8);
        },
      ),
    );
  });

  test("refuses numbers that no codes make", () => {
    expect(unpackCodes(Uint8Array.of(127), 5, new Int32Array(3))).toBe(false);
    expect(unpackCodes(Uint8Array.of(0x80), 5, new Int32Array(3))).toBe(false);
  });
});

describe("the order of codes", () => {
  test("goes along the direction in which they vary", () => {
    expect(Array.from(treeOrder(Float32Array.of(3, 1, 0, 2, 4), 1))).toEqual([3, 1, 0, 2, 4]);
    const plane = Float32Array.of(0, 9, 0, -9, 1, 9, 1, -9);
    expect(Array.from(treeOrder(plane, 2))).toEqual([2, 0, 3, 1]);
  });

  test("is whole for codes that are all the same, and for one", () => {
    expect(Array.from(treeOrder(new Float32Array(12), 2)).sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(Array.from(treeOrder(Float32Array.of(1, 2), 2))).toEqual([0]);
  });

  test("of what is no codebook is an error", () => {
    expect(() => treeOrder(Float32Array.of(1, Number.NaN), 1)).toThrow("treeOrder: codebook[1]");
    expect(() => treeOrder(new Float32Array(3), 2)).toThrow("codebook.length / dim");
  });
});

test("layers of quantizers have levels where codes are computed", () => {
  const fsq = { codebookSizes: [20, 20], config: { type: "residualFSQ", levels: [4, 5] } };
  expect(codeLayers(fsq)).toEqual([
    { size: 20, levels: [4, 5] },
    { size: 20, levels: [4, 5] },
  ]);
  const lfq = { codebookSizes: [8, 32, 6], config: { type: "residualLFQ", dim: 3 } };
  expect(codeLayers(lfq)).toEqual([
    { size: 8, levels: [8] },
    { size: 32, levels: [8, 4] },
    { size: 6 },
  ]);
  const order = Uint32Array.of(1, 0);
  const vq = { codebookSizes: [2, 2], config: { type: "residualVQ" } };
  expect(codeLayers(vq, [undefined, order])).toEqual([{ size: 2 }, { size: 2, order }]);
});
