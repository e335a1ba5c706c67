import { type ProcessGroup, solo } from "../../distributed/processGroup.ts";
import { checkChoice, checkInteger, expected, VectorQuantizeError } from "../../errors.ts";
import { checkFloats, checkKernelOptions } from "../arguments.ts";
import { defaultPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import type { Pool } from "../engine/pool.ts";
import { createScalarClustering } from "./clustering.reference.ts";
import type { Clustering, ClusterMetric } from "./clustering.ts";
import { createKernelClustering } from "./kernelClustering.ts";
import { checkAligned, partsOfVectors, sharedClustering } from "./sharedClustering.ts";
import { sampleDistinct, uniformFrom } from "./uniform.ts";

/** Options of `kmeans`. */
export interface KMeansOptions {
  /** Features of a vector, D. */
  readonly dim: number;
  /** Number of clusters, K. */
  readonly clusters: number;
  /** Most iterations of Lloyd's algorithm, or number of mini-batches. Default 10. */
  readonly iterations?: number;
  /** "cosine" is spherical k-means: vectors and centroids of length 1. Default "euclidean". */
  readonly metric?: ClusterMetric;
  /**
   * Where the centroids start: "sample" at K distinct vectors drawn at random, "kmeans++" at vectors
   * drawn one after the other, each with probability proportional to its squared distance from those
   * before; that takes K passes over the data. Default "sample".
   */
  readonly seeding?: "sample" | "kmeans++";
  /** Seed of all random choices. Default 0. */
  readonly seed?: number;
  /**
   * Vectors per iteration, at least K and at most N: each iteration draws as many at random, and a
   * centroid is the mean of all vectors that it ever got. Default: all vectors in every iteration.
   */
  readonly batchSize?: number;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
  /**
   * Processes that have the vectors together, each a part, in the order of ranks; all get the result, to the bit
   * that of one process with all of them. Each part but the last is a multiple of `2^23 / D` vectors, rounded
   * down, that is one of 256 too. Not with `batchSize`. Default: this process alone.
   */
  readonly group?: ProcessGroup;
}

/** What `kmeans` finds. */
export interface KMeansResult {
  /** `[K, D]` */
  readonly centroids: Float32Array<ArrayBuffer>;
  /** `[K]`: vectors that each centroid is the mean of; with mini-batches, of all of them. */
  readonly counts: Int32Array<ArrayBuffer>;
  /**
   * Sum over the vectors of the squared distance (1 - cosine for "cosine") to the nearest centroid in
   * the last iteration's search, before the centroids moved; with mini-batches, of the last batch.
   */
  readonly inertia: number;
  /** Iterations that were done: fewer than asked for if no vector changed its cluster any more. */
  readonly iterations: number;
  /** What may be wrong with the data, as sentences; empty if nothing is. */
  readonly warnings: readonly string[];
}

/** Below so many vectors per cluster the centroids follow the noise of the sample, as faiss warns. */
const FEW_VECTORS = 39;

/**
 * k-means clustering: K centroids that make the sum of the squared distances of all vectors to their
 * nearest centroid small.
 *
 * Lloyd's algorithm: assign every vector to its nearest centroid, move every centroid to the mean of
 * its vectors, repeat. A cluster that got no vector moves to the vector farthest from its centroid,
 * the second such to the second farthest, and so on, as long as there are vectors apart from theirs.
 * The result depends on the seed and the data only, not on threads, engine or CPU.
 *
 * ```ts
 * const { centroids } = await kmeans(vectors, { dim: 64, clusters: 1024, seed: 1 });
 * ```
 *
 * Lloyd, Least squares quantization in PCM (1982), https://doi.org/10.1109/TIT.1982.1056489;
 * Arthur and Vassilvitskii, k-means++ (2007), https://dl.acm.org/doi/10.5555/1283383.1283494;
 * Sculley, Web-scale k-means clustering (2010), https://doi.org/10.1145/1772690.1772862
 *
 * @param vectors `[N, D]`, N at least K; with `batchSize`, N is not bound by the kernels' memory
 * @throws if there are fewer vectors than clusters, or one of them is not finite
 */
export async function kmeans(vectors: Float32Array, options: KMeansOptions): Promise<KMeansResult> {
  const { dim, clusters, own, batchSize, group, ...rest } = checkArguments(vectors, options);
  const parts = await partsOfVectors(group, own);
  if (group.size > 1) checkAligned(parts, dim);
  const { rows, batchRows } = checkRows(parts.total, clusters, batchSize);
  const { iterations, metric, seeding } = rest;
  const next = uniformFrom(rest.seed);
  const warnings: string[] = [];
  if (rows < FEW_VECTORS * clusters) {
    warnings.push(
      `kmeans: ${rows} vectors are fewer than ${FEW_VECTORS} for each of ${clusters} clusters: ` +
        "the centroids follow the noise of the sample",
    );
  }

  const size = { dim, clusters, metric, rows: group.size > 1 ? own : batchRows };
  const cluster = async (clustering: Clustering): Promise<KMeansResult> => {
    const draw = () => sampleDistinct(next, rows, batchRows);
    const whole = batchRows === rows;
    await load(clustering, vectors, dim, whole ? undefined : draw());
    if (seeding === "sample") await clustering.seedAt(sampleDistinct(next, batchRows, clusters));
    else await clustering.seedApart(next, clusters);
    let done = 0;
    while (done < iterations) {
      if (!whole && done > 0) await load(clustering, vectors, dim, draw());
      const changed = await clustering.assign();
      done++;
      if (whole && changed === 0) break;
      await clustering.move(!whole);
    }
    return {
      centroids: clustering.centroids(),
      counts: clustering.counts(),
      inertia: await clustering.inertia(),
      iterations: done,
      warnings,
    };
  };
  if (!supports("plain")) {
    if (group.size > 1)
      throw expected("kmeans: group", "one process where there is no SIMD", group.size);
    return cluster(createScalarClustering(size));
  }
  const pool = options.pool ?? defaultPool();
  return pool.exclusive(async (scope) => {
    const clustering = await createKernelClustering(pool, scope, size);
    return cluster(group.size > 1 ? sharedClustering(clustering, parts, group, dim) : clustering);
  });
}

/** Brings vectors in, all or those of the given rows. Throws if one is not finite. */
async function load(
  clustering: Clustering,
  vectors: Float32Array,
  dim: number,
  rows: Int32Array | undefined,
): Promise<void> {
  if ((await clustering.load(vectors, rows)) === 0) return;
  for (let row = 0; row < vectors.length / dim; row++) {
    const values = vectors.subarray(row * dim, (row + 1) * dim);
    if (!values.every(Number.isFinite)) {
      throw expected(
        `kmeans: vectors, row ${row}`,
        "finite numbers",
        values.find((value) => !Number.isFinite(value)),
      );
    }
  }
  throw new VectorQuantizeError(
    "kmeans: vectors: expected finite numbers, got others in another process",
  );
}

function checkArguments(vectors: Float32Array, options: KMeansOptions) {
  checkKernelOptions("kmeans", options, [
    "dim",
    "clusters",
    "iterations",
    "metric",
    "seeding",
    "seed",
    "batchSize",
    "pool",
    "group",
  ]);
  const { dim, clusters, iterations = 10, metric = "euclidean" } = options;
  const { seeding = "sample", seed = 0 } = options;
  checkInteger("kmeans: dim", dim);
  checkInteger("kmeans: clusters", clusters);
  checkInteger("kmeans: iterations", iterations);
  checkInteger("kmeans: seed", seed, 0);
  checkChoice("kmeans: metric", metric, ["euclidean", "cosine"]);
  checkChoice("kmeans: seeding", seeding, ["sample", "kmeans++"]);
  checkFloats("kmeans: vectors", vectors);
  if (vectors.length % dim !== 0) {
    throw expected("kmeans: vectors length", `a multiple of dim ${dim}`, vectors.length);
  }
  const { batchSize, group = solo() } = options;
  if (batchSize !== undefined && group.size > 1) {
    throw expected("kmeans: batchSize", "none with a group of processes", batchSize);
  }
  const own = vectors.length / dim;
  return { dim, clusters, iterations, metric, seeding, seed, own, batchSize, group };
}

function checkRows(rows: number, clusters: number, batchSize: number | undefined) {
  if (rows < clusters) {
    throw expected("kmeans: vectors", `at least as many as clusters, ${clusters}`, rows);
  }
  const batchRows = batchSize === undefined ? rows : batchSize;
  checkInteger("kmeans: batchSize", batchRows, clusters);
  if (batchRows > rows) throw expected("kmeans: batchSize", `at most ${rows} vectors`, batchRows);
  return { rows, batchRows };
}
