import { afterAll, describe, expect, it } from "vitest";
import { integers, testPools } from "../../../../../test/support/kernelPools.ts";
import { assignStatsReference } from "../codes/assignStats.reference.ts";
import { decodeSumReference } from "../codes/gather.reference.ts";
import { residualStats } from "./residualStats.ts";

const pools = testPools();
afterAll(() => {
  for (const { pool } of pools) pool.dispose();
});

const whole = (length: number, seed: number) =>
  Float32Array.from({ length }, integers(seed, -9, 9));

describe.each(pools)("residualStats ($name)", ({ pool }) => {
  it("equals the statistics of each layer's residuals", async () => {
    for (const [rows, dim] of [
      [1, 1],
      [40, 7],
      [3000, 32],
    ] as const) {
      const sizes = [5, 1, 8];
      const codebooks = sizes.map((size, q) => whole(size * dim, q));
      const vectors = whole(rows * dim, 9);
      const layer = sizes.map((size, q) => integers(q + 20, -1, size - 1));
      const indices = Int32Array.from({ length: 3 * rows }, (_, i) => layer[i % 3]!());
      const got = await residualStats(vectors, indices, codebooks, { dim, pool });
      for (const [q, size] of sizes.entries()) {
        const before = indices.map((index, i) => (i % 3 < q ? index : -1));
        const taken = decodeSumReference(codebooks, before, dim);
        const residuals = vectors.map((value, i) => value - taken[i]!);
        const column = indices.filter((_, i) => i % 3 === q);
        expect(got[q]).toEqual(assignStatsReference(residuals, column, dim, size));
      }
    }
  });

  it("names an index that is out of range", async () => {
    const codebooks = [whole(4, 1), whole(2, 2)];
    const vectors = whole(4, 3);
    await expect(
      residualStats(vectors, Int32Array.of(0, 0, 1, 1), codebooks, { dim: 2, pool }),
    ).rejects.toThrow("residualStats: row 1, layer 1: expected -1 or 0 ... 0, got 1");
    await expect(
      residualStats(vectors, Int32Array.of(0, 0, 1), codebooks, { dim: 2, pool }),
    ).rejects.toThrow("residualStats: indices: expected 2 x 2, as for the vectors, got 3");
  });
});
