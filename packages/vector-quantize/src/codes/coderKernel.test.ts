import fc from "fast-check";
import { expect, test } from "vitest";
import { numbers } from "../../../../test/support/numbers.ts";
import { BitDecoder, BitEncoder } from "./bitCoder.ts";
import { codeLayer, type LayerOfCodes } from "./codeLayer.ts";
import { decodeOnKernel, encodeOnKernel } from "./coderKernel.ts";
import { positionsOf } from "./layers.ts";

const levels = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 6 });
const layers = fc
  .record({
    grids: fc.array(
      fc.oneof(
        fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }),
        fc.constantFrom([45, 47], [2100], [3, 20, 36]),
      ),
      { minLength: 1, maxLength: 2 },
    ),
    digits: fc.oneof(
      fc.integer({ min: 2, max: 2 ** 30 }).map((radix) => [radix]),
      levels,
    ),
    earlier: fc.integer({ min: 0, max: 2 }),
    few: fc.boolean(),
    seed: fc.integer(),
  })
  .map(({ grids, digits, earlier, few, seed }): LayerOfCodes => {
    const draw = numbers(seed);
    const radix = digits.reduce((a, b) => a * b, 1);
    const count = grids.reduce((sum, grid) => sum + positionsOf(grid), 0);
    const some = (below: number) => Int32Array.from({ length: count }, () => draw(below));
    return {
      ...{ grids, radix, digits, codes: some(few ? Math.min(5, radix) : radix) },
      earlier: Array.from({ length: earlier }, (_, i) => (i ? some(2 ** 31) : some(7))),
    };
  });

/** Throws unless they are equal; `toEqual` takes a while for thousands of numbers. */
function same(a: Uint8Array | Int32Array, b: Uint8Array | Int32Array): void {
  expect(Buffer.compare(Buffer.from(a.buffer), Buffer.from(b.buffer))).toBe(0);
}

test("the kernel codes every layer to the byte as codeLayer does, and finds it again", () => {
  fc.assert(
    fc.property(layers, (layer) => {
      const encoder = new BitEncoder();
      codeLayer(encoder, layer);
      const bytes = encoder.finish();
      same(encodeOnKernel(layer)!, bytes);
      for (const [given, whole] of [
        [bytes, true],
        [Uint8Array.of(...bytes, 1, 2, 3, 4, 5), false],
        [bytes.subarray(0, bytes.length >> 1), true],
      ] as const) {
        const blank = () => ({ ...layer, codes: new Int32Array(layer.codes.length) });
        const [wanted, found] = [blank(), blank()];
        const decoder = new BitDecoder(given);
        codeLayer(decoder, wanted);
        expect(decodeOnKernel(found, given)).toEqual({ exhausted: decoder.exhausted });
        same(found.codes, wanted.codes);
        if (given === bytes) same(found.codes, layer.codes);
        expect(decoder.exhausted || !whole).toBe(true);
      }
    }),
    { numRuns: 40 },
  );
});

test("layers that are too large for its memory are left alone", () => {
  const codes = new Int32Array(2 ** 22 + 1);
  const layer = { grids: [[codes.length]], radix: 2, digits: [2], codes, earlier: [] };
  expect(encodeOnKernel(layer)).toBeUndefined();
});
