/** What k-means has for palettes: weights, labels, a start of one's own, progress, an end by a signal. */
import { afterAll, describe, expect, it } from "vitest";
import { integers, testPools, withoutKernels } from "../../../../../test/support/kernelPools.ts";
import { segmentRows } from "../codes/assignStats.ts";
import { nearestReference } from "../search/nearest.reference.ts";
import { type KMeansOptions, kmeans } from "./kmeans.ts";
import type { KMeansProgress } from "./watch.ts";

const pools = testPools();
const [{ pool: first }] = pools as [(typeof pools)[0]];
afterAll(() => {
  for (const { pool } of pools) pool.dispose();
});

const whole = (length: number, seed: number) =>
  Float32Array.from({ length }, integers(seed, -9, 9));
const floats = (length: number, seed: number) =>
  Float32Array.from({ length }, integers(seed, -1e6, 1e6)).map((value) => value / 1e6);

/** Each vector as many times as it weighs, one behind the other. */
function repeated(vectors: Float32Array, weights: Float32Array, dim: number): Float32Array {
  const rows = [...weights].flatMap((weight, n) => {
    const row = [...vectors.subarray(n * dim, (n + 1) * dim)];
    return Array.from({ length: weight }, () => row);
  });
  return Float32Array.from(rows.flat());
}

const farthestApart = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

describe.each(pools)("weights ($name)", ({ pool }) => {
  const [rows, dim] = [900, 5];
  const vectors = whole(rows * dim, 2);
  const weights = Float32Array.from({ length: rows }, integers(3, 0, 4));

  it.each([
    ["k-means++", { clusters: 30, seeding: "kmeans++", iterations: 3 }],
    ["k-means++, cosine", { clusters: 9, seeding: "kmeans++", metric: "cosine", iterations: 1 }],
    ["a start of one's own", { clusters: 12, init: whole(12 * dim, 5), iterations: 4 }],
  ] satisfies [string, Omit<KMeansOptions, "dim">][])(
    "%s: as of vectors that are repeated",
    async (_, options) => {
      const weighed = await kmeans(vectors, { ...options, dim, weights, pool, labels: true });
      const all = { ...options, dim, pool, labels: true } as const;
      const plain = await kmeans(repeated(vectors, weights, dim), all);
      expect(weighed.counts).toEqual(plain.counts);
      if ("metric" in options)
        expect(farthestApart(weighed.centroids, plain.centroids)).toBeLessThan(1e-6);
      else expect(weighed.centroids).toEqual(plain.centroids); // sums of integers are exact
      expect(weighed.inertia).toBeCloseTo(plain.inertia, 6);
      const labels = [...weights].flatMap((weight, n) => Array(weight).fill(weighed.labels[n]));
      expect([...plain.labels]).toEqual(labels);
    },
  );

  it("equal the reference's, where clusters get nothing too", async () => {
    for (const metric of ["euclidean", "cosine"] as const) {
      for (const batchSize of [undefined, 500]) {
        const own = floats(rows * dim, 8);
        own.copyWithin(0, dim * 2, dim * 400);
        const heavy = weights.map((weight) => weight * 0.7);
        const options = { dim, metric, weights: heavy, iterations: 3, labels: true } as const;
        const batch = batchSize === undefined ? {} : { batchSize };
        const got = await kmeans(own, { ...options, ...batch, clusters: 300, pool });
        const wanted = await withoutKernels(() =>
          kmeans(own, { ...options, ...batch, clusters: 300 }),
        );
        expect(got.centroids).toEqual(wanted.centroids);
        expect(got.counts).toEqual(wanted.counts);
        expect(got.labels).toEqual(wanted.labels);
      }
    }
  });

  it("a vector that weighs nothing gets a label, and no more", async () => {
    const few = Float32Array.of(0, 1, 10, 11, 500);
    for (let seed = 0; seed < 10; seed++) {
      const { centroids, counts, labels, distances } = await kmeans(few, {
        ...{ dim: 1, clusters: 4, seed, pool, labels: true },
        weights: Float32Array.of(1, 1, 2, 1, 0),
      });
      expect([...centroids].sort((a, b) => a - b)).toEqual([0, 1, 10, 11]);
      expect([...counts].sort()).toEqual([1, 1, 1, 2]);
      expect(centroids[labels[4]!]).toBe(11);
      expect(distances[4]).toBe(489 ** 2);
    }
  });

  it("draw the start", async () => {
    const heavy = new Float32Array(rows).fill(1e-3);
    heavy[17] = 1e6;
    for (let seed = 0; seed < 10; seed++) {
      const { labels, distances } = await kmeans(floats(rows * dim, 4), {
        ...{ dim, clusters: 2, weights: heavy, seed, iterations: 1, pool, labels: true },
      });
      expect(distances[17]).toBeLessThan(1e-6); // its centroid hardly leaves it
      expect(labels).toHaveLength(rows);
    }
  });
});

describe.each(pools)("labels ($name)", ({ pool }) => {
  it("are the nearest of the centroids that are returned", async () => {
    const [rows, dim] = [700, 6];
    const vectors = floats(rows * dim, 6);
    for (const metric of ["euclidean", "cosine"] as const) {
      for (const options of [{ iterations: 2 }, { iterations: 200 }, { batchSize: 100 }]) {
        const got = await kmeans(vectors, {
          ...options,
          dim,
          metric,
          clusters: 20,
          pool,
          labels: true,
        });
        const wanted = nearestReference(vectors, got.centroids, dim, metric);
        expect(farthestApart(got.distances, wanted.distances)).toBeLessThan(1e-6);
        expect(got.labels).toEqual(wanted.indices);
        expect(got.iterations).toBeLessThan(200);
      }
    }
  });

  it("of vectors in several parts equal the reference's", { timeout: 60_000 }, async () => {
    const dim = 2 ** 15;
    const rows = 2 * segmentRows(dim) + 5;
    const vectors = new Float32Array(rows * dim);
    const next = integers(7, -99, 99);
    for (let n = 0; n < rows; n++) for (let d = 0; d < 9; d++) vectors[n * dim + 999 * d] = next();
    const weights = Float32Array.from({ length: rows }, integers(9, 1, 3));
    const metric = pool.threads === 1 ? "euclidean" : "cosine";
    const options = { dim, metric, weights, clusters: 3, iterations: 2, labels: true } as const;
    const got = await kmeans(vectors, { ...options, pool });
    const wanted = await withoutKernels(() => kmeans(vectors, options));
    expect(got.labels).toEqual(wanted.labels);
    expect(Buffer.compare(bytesOf(got.centroids), bytesOf(wanted.centroids))).toBe(0);
    expect(got.counts).toEqual(wanted.counts);
  });
});

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  Buffer.from(buffer, byteOffset, byteLength);

it("k-means++ that draws several at a time finds clusters that a sample misses", async () => {
  const [centers, each, dim] = [150, 20, 3];
  const next = integers(3, -1000, 1000);
  const around = Float32Array.from({ length: centers * dim }, next);
  const vectors = Float32Array.from({ length: centers * each * dim }, (_, i) => {
    const center = Math.floor(i / dim / each);
    return around[center * dim + (i % dim)]! + next() / 1000;
  });
  const error = async (seeding: "sample" | "kmeans++") => {
    const options = { dim, clusters: centers, iterations: 2, pool: first };
    return (await kmeans(vectors, { ...options, seeding })).inertia;
  };
  expect(await error("kmeans++")).toBeLessThan((await error("sample")) / 5);
});

describe("progress and its end", () => {
  const [rows, dim] = [3000, 4];
  const vectors = floats(rows * dim, 1);
  const options = { dim, clusters: 50, pool: first };

  it("tells of each iteration", async () => {
    const told: KMeansProgress[] = [];
    const { inertia } = await kmeans(vectors, {
      ...{ ...options, iterations: 3, seeding: "kmeans++", labels: true },
      onProgress: (progress) => told.push(progress),
    });
    const ends = told.filter((progress, i) => progress.iteration !== told[i + 1]?.iteration);
    expect(ends.map(({ iteration }) => iteration)).toEqual([0, 1, 2, 3, 4]);
    for (const { share, iterations } of ends.slice(1)) {
      expect(share).toBeCloseTo(1, 9);
      expect(iterations).toBe(3);
    }
    const found = told.flatMap((progress) => progress.inertia ?? []);
    expect(found).toHaveLength(3);
    expect(found).toEqual([...found].sort((a, b) => b - a)); // falls
    expect(ends[3]?.inertia).toBe(inertia);
  });

  it("ends by a signal, from a timer too, and gives its memory back", async () => {
    await kmeans(vectors, options);
    const { used } = first.memory;
    const reason = new Error("enough");
    await expect(kmeans(vectors, { ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    const inProgress = new AbortController();
    await expect(
      kmeans(vectors, {
        ...options,
        signal: inProgress.signal,
        onProgress: ({ iteration }) => iteration === 2 && inProgress.abort(reason),
      }),
    ).rejects.toBe(reason);
    const late = new AbortController();
    setTimeout(() => late.abort(reason), 10);
    const endless = { dim, clusters: 2000, iterations: 3000, batchSize: 2500, pool: first };
    await expect(kmeans(vectors, { ...endless, signal: late.signal })).rejects.toBe(reason);
    expect(first.memory.used).toBe(used);
  });

  it("ends by an error of who is told", async () => {
    const { used } = first.memory;
    const told = () => {
      throw new Error("no more room on the screen");
    };
    await expect(kmeans(vectors, { ...options, onProgress: told })).rejects.toThrow("no more room");
    expect(first.memory.used).toBe(used);
  });
});

describe("wrong options are named", () => {
  const vectors = floats(40, 1);
  const errorOf = (options: object) =>
    kmeans(vectors, { dim: 4, clusters: 2, ...options }).then(
      () => "passed",
      (error: Error) => error.message,
    );
  it.each([
    [{ weights: [1] }, "kmeans: weights: expected a Float32Array, got [1]"],
    [
      { weights: new Float32Array(9) },
      "kmeans: weights: expected 10 numbers, as there are vectors, got 9",
    ],
    [
      { weights: new Float32Array(10).fill(-1) },
      "kmeans: weights[0]: expected 0 or from 1e-12 to 1000000000000, got -1",
    ],
    [{ weights: new Float32Array(10).fill(Number.NaN) }, "kmeans: weights[0]: expected 0 or"],
    [
      { weights: new Float32Array(10).fill(1, 9) },
      "kmeans: vectors of a weight above 0: expected at least as many as clusters, 2, got 1",
    ],
    [{ init: new Float32Array(7) }, "kmeans: init: expected 2 x 4 numbers, got 7"],
    [
      { init: new Float32Array(8).fill(1 / 0) },
      "kmeans: init, row 0: expected finite numbers, got Infinity",
    ],
    [
      { init: new Float32Array(8), seeding: "sample" },
      'kmeans: seeding: expected none with init, got "sample"',
    ],
    [{ labels: 1 }, "kmeans: labels: expected true or false, got 1"],
    [{ onProgress: 1 }, "kmeans: onProgress: expected a function, got 1"],
    [{ signal: {} }, "kmeans: signal: expected an AbortSignal, got Object"],
    [
      { weights: new Float32Array(10).fill(1, 5), batchSize: 6 },
      "kmeans: batchSize: expected at most 5 vectors of a weight above 0, got 6",
    ],
  ])("%j", async (options, message) => {
    expect(await errorOf(options)).toContain(message);
  });
});
