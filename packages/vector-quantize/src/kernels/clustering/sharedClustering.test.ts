import { afterAll, describe, expect, it } from "vitest";
import { integers } from "../../../../../test/support/kernelPools.ts";
import { inProcesses } from "../../../../../test/support/processes.ts";
import { createPool } from "../engine/createPool.ts";
import { type KMeansOptions, kmeans, type LabelledResult } from "./kmeans.ts";
import { alignment } from "./sharedClustering.ts";

const dim = 2048;
const segment = alignment(dim); // 4096 vectors, 32 MB: nothing smaller is summed by itself
const last = 300;
const long = process.env.VQ_RANK_STEPS !== undefined;
const segments = long ? 3 : 2;
const rows = segments * segment + last;
const pools = Array.from({ length: 4 }, () => createPool({ threads: 1 }));
afterAll(() => {
  for (const pool of pools) pool.dispose();
});

/** A few features with noise, the others 0; some vectors are there very often. */
const vectors = new Float32Array(rows * dim);
const next = integers(3, -1000, 1000);
for (let n = 0; n < rows; n++) {
  for (let d = 0; d < 12; d++) vectors[n * dim + 170 * d] = n % 3 === 0 ? d : next() / 300;
}

/** Not exact in float64 once they are added up. */
const weights = Float32Array.from({ length: rows }, () => (next() + 1000) / 3e3);
weights.fill(0, 5, 9);

/** Vectors of each process. */
const dealt = [
  [segment, rows - segment],
  [rows - last, last],
  [segment, (segments - 1) * segment, last],
  ...(long ? [[segment, segment, segment, last]] : []),
];

describe("k-means of vectors that several processes have is that of one, to the bit", () => {
  const cases: [string, Omit<KMeansOptions, "dim">][] = [
    ["euclidean", { clusters: 9, iterations: 3, seed: 1 }],
    [
      "cosine, k-means++",
      { clusters: 5, iterations: 2, metric: "cosine", seeding: "kmeans++", seed: 2 },
    ],
    ["clusters that get nothing", { clusters: 24, iterations: 2, seed: 7 }],
    ["weights, labels", { clusters: 6, iterations: 2, weights, labels: true }],
  ];
  it.each(cases)("%s", { timeout: 120_000 }, async (_, options) => {
    const one = await kmeans(vectors, { ...options, dim, pool: pools[0]! });
    for (const counts of dealt) {
      const starts = counts.map((_, r) => counts.slice(0, r).reduce((a, b) => a + b, 0));
      const rangeOf = (r: number) => [starts[r]!, starts[r]! + counts[r]!] as const;
      const all = await inProcesses(counts.length, (group) => {
        const [from, to] = rangeOf(group.rank);
        const own = vectors.subarray(from * dim, to * dim);
        const heavy = options.weights && { weights: options.weights.subarray(from, to) };
        const watched = group.rank === 0 && { onProgress: () => {} }; // the others need not
        const mine = { ...options, ...heavy, ...watched };
        return kmeans(own, { ...mine, dim, group, pool: pools[group.rank]! });
      });
      for (const [r, each] of all.entries()) {
        const { labels, distances, ...others } = one as LabelledResult;
        expect(each).toMatchObject(others);
        if (!options.labels) continue;
        const got = each as LabelledResult;
        expect(got.labels).toEqual(labels.subarray(...rangeOf(r)));
        expect(got.distances).toEqual(distances.subarray(...rangeOf(r)));
      }
    }
  });
});

describe("in every process alike", () => {
  const message = (options: object, given: Float32Array[]) =>
    inProcesses(2, (group) =>
      kmeans(given[group.rank]!, {
        dim: 4,
        clusters: 2,
        group,
        pool: pools[group.rank]!,
        ...options,
      }).then(
        () => "passed",
        (error: Error) => error.message,
      ),
    );

  it("parts that would be summed in another order are refused", async () => {
    const given = [new Float32Array(400), new Float32Array(400)];
    const words =
      "kmeans: vectors of process 0: expected a multiple of 2097152, of 4 features, as of all processes " +
      "but the last, got 100";
    expect(await message({}, given)).toEqual([words, words]);
    const none = "kmeans: vectors of process 1: expected at least one, got 0";
    expect(await message({}, [new Float32Array(4), new Float32Array(0)])).toEqual([none, none]);
  });

  it("weights of one process alone are refused", async () => {
    const given = [new Float32Array(256 * 8192 * 4), new Float32Array(400)];
    const all = await inProcesses(2, (group) =>
      kmeans(given[group.rank]!, {
        ...{ dim: 4, clusters: 2, group, pool: pools[group.rank]! },
        ...(group.rank === 1 && { weights: new Float32Array(100).fill(1) }),
      }).catch((error: Error) => error.message),
    );
    const words = "kmeans: weights: expected those of all 2 processes, or none, got 1";
    expect(all).toEqual([words, words]);
  });

  it("so are mini-batches", async () => {
    const given = [new Float32Array(400), new Float32Array(400)];
    const words = "kmeans: batchSize: expected none with a group of processes, got 50";
    expect(await message({ batchSize: 50 }, given)).toEqual([words, words]);
  });
});
