import { afterAll, describe, expect, it } from "vitest";
import { integers, sameNumbers, testPools } from "../../../../../test/support/kernelPools.ts";
import { decodeSumReference, gatherReference } from "./gather.reference.ts";
import { decodeSum, gather } from "./gather.ts";

const pools = testPools();
afterAll(() => {
  for (const { pool } of pools) pool.dispose();
});

const floats = (length: number, seed: number) => {
  const next = integers(seed, -1e6, 1e6);
  return Float32Array.from({ length }, () => next() / 3e5);
};

describe.each(pools)("gather and decodeSum ($name)", ({ pool }) => {
  it("gather takes rows, across every tail", async () => {
    for (const dim of [1, 3, 4, 5, 15, 16, 17, 40]) {
      const codebook = floats(7 * dim, dim);
      const indices = Int32Array.from({ length: 9 }, integers(dim, -1, 6));
      expect(await gather(codebook, indices, { dim, pool })).toEqual(
        gatherReference(codebook, indices, dim),
      );
    }
  });

  it("decodeSum adds layers of different sizes to the bit, also in a shared job", async () => {
    for (const [rows, dim] of [
      [0, 4],
      [1, 1],
      [9, 19],
      [5000, 40],
    ] as const) {
      const codebooks = [floats(5 * dim, 1), floats(2 * dim, 2), floats(9 * dim, 3)];
      const layer = [integers(4, -1, 4), integers(5, -1, 1), integers(6, -1, 8)];
      const indices = Int32Array.from({ length: 3 * rows }, (_, i) => layer[i % 3]!());
      const got = await decodeSum(codebooks, indices, { dim, pool });
      expect(sameNumbers(got, decodeSumReference(codebooks, indices, dim))).toBe(true);
    }
  });

  it("writes to an array of the caller's", async () => {
    const out = new Float32Array(2);
    const options = { dim: 1, pool, out };
    expect(await gather(Float32Array.of(3, 5), Int32Array.of(1, 0), options)).toBe(out);
    expect([...out]).toEqual([5, 3]);
    await expect(gather(Float32Array.of(3, 5), Int32Array.of(1), options)).rejects.toThrow(
      "decodeSum: out: expected 1 x 1 numbers, got 2",
    );
    expect([...out]).toEqual([5, 3]);
  });

  it("takes a shared codebook once", async () => {
    const codebook = Float32Array.of(1, 2, 4);
    const out = await decodeSum([codebook, codebook], Int32Array.of(2, 0, 1, 1), { dim: 1, pool });
    expect([...out]).toEqual([5, 4]);
  });

  it("names an index that is out of range", async () => {
    const layers = [new Float32Array(4), new Float32Array(8)];
    await expect(decodeSum(layers, Int32Array.of(1, 3, 0, 4), { dim: 2, pool })).rejects.toThrow(
      "decodeSum: row 1, layer 1: expected -1 or 0 ... 3, got 4",
    );
    await expect(decodeSum(layers, Int32Array.of(1), { dim: 2, pool })).rejects.toThrow(
      "expected a multiple of 2 layers, got 1",
    );
    await expect(decodeSum([], Int32Array.of(1), { dim: 2, pool })).rejects.toThrow("at least one");
  });
});
