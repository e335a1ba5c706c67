import { afterAll, describe, expect, it } from "vitest";
import { integers, testPools, withoutKernels } from "../../../../../test/support/kernelPools.ts";
import { kmeans } from "./kmeans.ts";

const pools = testPools();
afterAll(() => {
  for (const { pool } of pools) pool.dispose();
});

/** Points around `centers` far apart, in order of their center. */
function blobs(perCenter: number, dim: number, centers: number, seed: number): Float32Array {
  const noise = integers(seed, -1000, 1000);
  return Float32Array.from({ length: perCenter * centers * dim }, (_, i) => {
    const center = Math.floor(i / dim / perCenter);
    return 100 * ((center >> (i % dim)) & 1) + 10 * center + noise() / 1000;
  });
}

const floats = (length: number, seed: number) => {
  const next = integers(seed, -1e6, 1e6);
  return Float32Array.from({ length }, () => next() / 1e6);
};

describe.each(pools)("kmeans ($name)", ({ pool }) => {
  it("equals the reference", async () => {
    for (const metric of ["euclidean", "cosine"] as const) {
      for (const [rows, dim, clusters, batchSize] of [
        [5, 1, 1, 5],
        [300, 3, 7, 300],
        [1200, 16, 20, 300],
        [400, 32, 300, 400],
        [500, 40, 30, 500],
      ] as const) {
        const vectors = floats(rows * dim, rows);
        vectors.copyWithin(0, dim * 2, dim * 5); // some vectors twice
        const options = { dim, clusters, metric, batchSize, iterations: 3, seed: 4 };
        const got = await kmeans(vectors, { ...options, pool });
        const wanted = await withoutKernels(() => kmeans(vectors, options));
        expect(got.counts).toEqual(wanted.counts);
        expect(got.centroids).toEqual(wanted.centroids);
        expect(got.iterations).toBe(wanted.iterations);
        expect(Math.abs(got.inertia - wanted.inertia)).toBeLessThan(1e-4 * wanted.inertia + 1e-4);
      }
    }
  });

  it("draws the seeds of k-means++ as the reference, on integers", async () => {
    const vectors = Float32Array.from({ length: 700 * 5 }, integers(6, -9, 9));
    const options = { dim: 5, clusters: 40, seeding: "kmeans++", seed: 2, iterations: 1 } as const;
    const got = await kmeans(vectors, { ...options, pool });
    const wanted = await withoutKernels(() => kmeans(vectors, options));
    expect(got.counts).toEqual(wanted.counts);
    expect(got.centroids).toEqual(wanted.centroids);
  });

  it("finds separate clusters with k-means++", async () => {
    const [perCenter, dim, centers] = [40, 4, 8];
    const vectors = blobs(perCenter, dim, centers, 1);
    const result = await kmeans(vectors, { dim, clusters: centers, seeding: "kmeans++", pool });
    expect([...result.counts]).toEqual(new Array(centers).fill(perCenter));
    expect(result.inertia).toBeLessThan(perCenter * centers * dim);
    expect(result.iterations).toBeLessThan(10); // nothing changes any more
  });

  it("gives a cluster without vectors the farthest one", async () => {
    // Three equal vectors: two of three centroids start there and one of them gets nothing.
    const vectors = Float32Array.of(0, 0, 0, 0, 10, 11, 30);
    for (let seed = 0; seed < 20; seed++) {
      const { counts, centroids } = await kmeans(vectors, { dim: 1, clusters: 4, seed, pool });
      expect([...counts].sort()).toEqual([1, 1, 1, 4]);
      expect([...centroids].sort((a, b) => a - b)).toEqual([0, 10, 11, 30]);
    }
  });

  it("keeps equal centroids where there are fewer different vectors than clusters", async () => {
    const vectors = Float32Array.of(1, 1, 2, 2);
    const { counts, centroids } = await kmeans(vectors, {
      dim: 1,
      clusters: 3,
      seeding: "kmeans++",
      pool,
    });
    expect(counts.reduce((a, b) => a + b)).toBe(4);
    for (const value of centroids) expect([1, 2]).toContain(value);
  });

  it("learns from mini-batches", async () => {
    const [perCenter, dim, centers] = [400, 4, 8];
    const vectors = blobs(perCenter, dim, centers, 2);
    for (const metric of ["euclidean", "cosine"] as const) {
      const { counts, iterations } = await kmeans(vectors, {
        dim,
        clusters: centers,
        metric,
        seeding: "kmeans++",
        batchSize: 200,
        iterations: 12,
        pool,
      });
      expect(iterations).toBe(12);
      expect(counts.reduce((a, b) => a + b)).toBe(12 * 200);
    }
    const { centroids } = await kmeans(vectors, {
      dim,
      clusters: centers,
      seeding: "kmeans++",
      batchSize: 200,
      pool,
    });
    const found = Array.from({ length: centers }, (_, k) =>
      Math.round(centroids[k * dim + 3]! / 10),
    );
    expect(new Set(found).size).toBe(centers);
  });

  it("repeats itself with the same seed and differs with another", async () => {
    const vectors = floats(500 * 5, 3);
    const run = (seed: number) => kmeans(vectors, { dim: 5, clusters: 6, seed, pool });
    expect(await run(1)).toEqual(await run(1));
    expect((await run(1)).centroids).not.toEqual((await run(2)).centroids);
  });

  it("warns of few vectors per cluster and refuses fewer vectors than clusters", async () => {
    const { warnings } = await kmeans(floats(100, 1), { dim: 1, clusters: 3, pool });
    expect(warnings).toEqual([
      "kmeans: 100 vectors are fewer than 39 for each of 3 clusters: the centroids follow the noise of the sample",
    ]);
    expect((await kmeans(floats(117, 1), { dim: 1, clusters: 3, pool })).warnings).toEqual([]);
    await expect(kmeans(floats(6, 1), { dim: 2, clusters: 4, pool })).rejects.toThrow(
      "kmeans: vectors: expected at least as many as clusters, 4, got 3",
    );
  });

  it("names a vector that is not finite, and frees its memory", async () => {
    const vectors = floats(60, 1);
    await kmeans(vectors, { dim: 2, clusters: 3, pool });
    const used = pool.memory.used;
    vectors[13] = Number.NaN;
    await expect(kmeans(vectors, { dim: 2, clusters: 3, pool })).rejects.toThrow(
      "kmeans: vectors, row 6: expected finite numbers, got NaN",
    );
    expect(pool.memory.used).toBe(used);
  });
});
