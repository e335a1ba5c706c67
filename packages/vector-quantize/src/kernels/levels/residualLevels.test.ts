import { describe, expect, it } from "vitest";
import { integers, testPools } from "../../../../../test/support/kernelPools.ts";
import { residualFsqCodec } from "./residualFsqCodec.ts";
import {
  decodeResidualLevelsReference,
  encodeResidualLevelsReference,
} from "./residualLevels.reference.ts";
import { decodeResidualLevels, encodeResidualLevels } from "./residualLevels.ts";

const pools = testPools();
const bounds = ["softClamp", "bound", "boundNormalized", "none"] as const;

/** Vectors of hundredths, the first of them odd. */
function vectorsOf(rows: number, dim: number): Float32Array {
  const vectors = Float32Array.from({ length: rows * dim }, integers(rows * dim, -300, 300));
  const odd = [0, -0, 1e30, -1e30, Infinity, -Infinity, 1e-30];
  return vectors.map((value, at) => odd[at] ?? value / 100);
}

describe.each(pools)("$name", ({ pool }) => {
  it.each([
    [[8], 1, 1],
    [[5, 3], 3, 2],
    [[8, 5, 4], 4, 7],
    [[8, 8, 8, 5, 5, 5], 4, 9001],
    [[3, 40, 3, 7, 6], 2, 62],
  ])("levels %j in %d layers of %d vectors are the twin's", async (levels, numQuantizers, rows) => {
    for (const kind of bounds) {
      const codec = residualFsqCodec({ levels, numQuantizers, bounds: kind });
      const vectors = vectorsOf(rows, levels.length);
      const wanted = encodeResidualLevelsReference(codec, vectors);
      expect(await encodeResidualLevels(codec, vectors, { invalid: "mark", pool })).toEqual(wanted);
      const sums = decodeResidualLevelsReference(codec, wanted.indices);
      expect(await decodeResidualLevels(codec, wanted.indices, { pool })).toEqual(sums);
    }
  });

  it("comes as near as its last layer's step", async () => {
    const codec = residualFsqCodec({
      levels: [9, 7, 8],
      numQuantizers: 4,
      bounds: "boundNormalized",
    });
    const vectors = vectorsOf(100, 3).map((value) => Math.max(-1, Math.min(1, value)));
    const { indices } = await encodeResidualLevels(codec, vectors, { pool });
    const sums = await decodeResidualLevels(codec, indices, { pool });
    for (const [at, value] of sums.entries()) {
      const [a, b, c, d, e, f] = codec.bound!.map((row) => row[at % 3]!) as number[];
      const entered = (Math.tanh(vectors[at]! * a! + b!) * c! - d!) * e! * f!;
      expect(Math.abs(entered - value)).toBeLessThan(codec.scales[3]![at % 3]!);
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "names the place of %d, or marks its vector",
    async (value) => {
      const codec = residualFsqCodec({ levels: [8, 5, 4], numQuantizers: 2 });
      const vectors = vectorsOf(6, 3).map((each) => (Number.isFinite(each) ? each : 1));
      vectors[3 * 4 + 1] = value;
      await expect(encodeResidualLevels(codec, vectors, { pool })).rejects.toThrow(
        `encodeResidualLevels: vectors, row 4: expected finite numbers, got ${value}`,
      );
      const marked = await encodeResidualLevels(codec, vectors, { invalid: "mark", pool });
      expect(marked).toEqual(encodeResidualLevelsReference(codec, vectors));
      expect([...marked.indices.subarray(8, 10)]).toEqual([-1, -1]);
    },
  );

  it("refuses what does not fit", async () => {
    const codec = residualFsqCodec({ levels: [8, 5, 4], numQuantizers: 2 });
    await expect(encodeResidualLevels(codec, new Float32Array(4), { pool })).rejects.toThrow(
      "encodeResidualLevels: vectors: expected a multiple of 3 numbers, got 4",
    );
    await expect(decodeResidualLevels(codec, Int32Array.of(0, 160), { pool })).rejects.toThrow(
      "decodeResidualLevels: indices[1]: expected -1 or 0 ... 159, got 160",
    );
    await expect(decodeResidualLevels(codec, Int32Array.of(0), { pool })).rejects.toThrow(
      "decodeResidualLevels: indices: expected a multiple of 2, got 1",
    );
    const wide = residualFsqCodec({ levels: Array(11).fill(8), numQuantizers: 2 });
    await expect(encodeResidualLevels(wide, new Float32Array(11), { pool })).rejects.toThrow(
      "encodeResidualLevels: codec: expected at most 2^31 codes a layer",
    );
    expect(() => residualFsqCodec({ levels: [2], numQuantizers: 2, bounds: "bound" })).toThrow(
      "residualFsqCodec: levels with bounds bound: expected at least 3 each, got [2]",
    );
  });
});
