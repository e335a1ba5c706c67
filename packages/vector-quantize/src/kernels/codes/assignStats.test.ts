import { afterAll, describe, expect, it } from "vitest";
import { integers, testPools } from "../../../../../test/support/kernelPools.ts";
import { assignStatsReference } from "./assignStats.reference.ts";
import { assignStats, createStats } from "./assignStats.ts";

const pools = testPools();
afterAll(() => {
  for (const { pool } of pools) pool.dispose();
});

/** Vectors of random floats: the sums must agree to the bit all the same. */
function example(rows: number, dim: number, codes: number, seed: number) {
  const next = integers(seed, -1e6, 1e6);
  const code = integers(seed + 1, -1, codes - 1);
  return {
    vectors: Float32Array.from({ length: rows * dim }, () => next() / 3e5),
    indices: Int32Array.from({ length: rows }, code),
  };
}

describe.each(pools)("assignStats ($name)", ({ pool }) => {
  it("equals the reference to the bit, across every tail", async () => {
    let seed = 1;
    for (const dim of [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64]) {
      for (const [rows, codes] of [
        [0, 3],
        [1, 1],
        [9, 4],
        [255, 2],
        [256, 1],
        [257, 5],
        [1500, 3],
      ] as const) {
        const { vectors, indices } = example(rows, dim, codes, seed++);
        const got = await assignStats(vectors, indices, { dim, codes, pool });
        expect(got).toEqual(assignStatsReference(vectors, indices, dim, codes));
      }
    }
  });

  it("equals it in a job that all threads share", async () => {
    const { vectors, indices } = example(40_000, 32, 50, 5);
    const got = await assignStats(vectors, indices, { dim: 32, codes: 50, pool });
    expect(got).toEqual(assignStatsReference(vectors, indices, 32, 50));
  });

  it("adds segments in order", async () => {
    const [rows, dim, codes] = [700, 6, 9];
    const { vectors, indices } = example(rows, dim, codes, 8);
    const got = await pool.exclusive(async (scope) => {
      const stats = scope.adopt(await createStats(pool, { dim, codes, rows: 300 }));
      await stats.add(scope.copyOf(vectors), scope.copyOf(indices), rows);
      return stats.read();
    });
    expect(got).toEqual(assignStatsReference(vectors, indices, dim, codes, 300));
  });

  it("names an index that is out of range, and frees its memory", async () => {
    const used = pool.memory.used;
    const vectors = new Float32Array(6);
    for (const bad of [3, -2]) {
      await expect(
        assignStats(vectors, Int32Array.of(0, bad), { dim: 3, codes: 3, pool }),
      ).rejects.toThrow(`assignStats: indices[1]: expected -1 or 0 ... 2, got ${bad}`);
    }
    await expect(
      assignStats(vectors, Int32Array.of(0), { dim: 3, codes: 3, pool }),
    ).rejects.toThrow("assignStats: vectors: expected 1 x 3 numbers");
    expect(pool.memory.used).toBeLessThanOrEqual(used + 1024); // the pool keeps its scratch memory
  });
});
