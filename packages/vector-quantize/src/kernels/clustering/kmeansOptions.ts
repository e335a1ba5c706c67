import { type ProcessGroup, solo } from "../../distributed/processGroup.ts";
import { checkBoolean, checkChoice, checkInteger, expected } from "../../errors.ts";
import { checkFloats, checkKernelOptions } from "../arguments.ts";
import type { Pool } from "../engine/pool.ts";
import { countRows, firstNotFinite } from "../invalid.ts";
import type { ClusterMetric } from "./clustering.ts";
import { checkWatching, type KMeansProgress } from "./watch.ts";

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
   * What each vector counts, `[N]`: 0 or from 1e-12 to 1e12. A vector of weight 3 is in counts, means, seeds and
   * errors what three equal ones are, but that they stay together; one of weight 0 only gets a label. Default:
   * 1 each.
   */
  readonly weights?: Float32Array;
  /**
   * Where the centroids start: "sample" at K distinct vectors drawn at random, by their weights; "kmeans++" at
   * vectors drawn one after the other, each with probability proportional to its weight and its squared distance
   * from those before. Beyond 32 clusters it draws a sixteenth of as many as there are at a time: all together
   * take the work of one iteration and some 16 ln(K / 16) passes over the data. Default "sample".
   */
  readonly seeding?: "sample" | "kmeans++";
  /** A start of one's own in place of `seeding`, `[K, D]`. */
  readonly init?: Float32Array;
  /** Seed of all random choices. Default 0. */
  readonly seed?: number;
  /**
   * Vectors per iteration, at least K and at most N: each iteration draws as many at random, and a
   * centroid is the mean of all vectors that it ever got. Default: all vectors in every iteration.
   */
  readonly batchSize?: number;
  /** Whether to find each vector's cluster in the end; one more search. Default false. */
  readonly labels?: boolean;
  /** Told how far it is, about twice a second and at least once an iteration. */
  readonly onProgress?: (progress: KMeansProgress) => void;
  /** Ends it: `kmeans` then throws the signal's reason, within about a second. Not in a group of processes. */
  readonly signal?: AbortSignal;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
  /**
   * Processes that have the vectors together, each a part, in the order of ranks; all get the result, to the bit
   * that of one process with all of them; weights, labels and distances are of the part. Each part but the last is
   * a multiple of `2^23 / D` vectors, rounded down, that is one of 256 too. Not with `batchSize`. Default: this
   * process alone.
   */
  readonly group?: ProcessGroup;
}

/** What `kmeans` finds. */
export interface KMeansResult {
  /** `[K, D]` */
  readonly centroids: Float32Array<ArrayBuffer>;
  /** `[K]`: weights of the vectors that each centroid is the mean of; with mini-batches, of all of them. */
  readonly counts: Float64Array<ArrayBuffer>;
  /**
   * Sum over the vectors of their weights times the squared distance (1 - cosine for "cosine") to the nearest
   * centroid in the last iteration's search, before the centroids moved; with mini-batches, of the last batch.
   */
  readonly inertia: number;
  /** Iterations that were done: fewer than asked for if no vector changed its cluster any more. */
  readonly iterations: number;
  /** What may be wrong with the data, as sentences; empty if nothing is. */
  readonly warnings: readonly string[];
}

/** What `kmeans` finds with `labels`. */
export interface LabelledResult extends KMeansResult {
  /** `[N]`: the nearest of `centroids` to each vector, the lowest index on ties. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** `[N]`: its squared distance (1 - cosine for "cosine"). */
  readonly distances: Float32Array<ArrayBuffer>;
}

const known: readonly (keyof KMeansOptions)[] = [
  ...(["dim", "clusters", "iterations", "metric", "weights", "seeding", "init", "seed"] as const),
  ...(["batchSize", "labels", "onProgress", "signal", "pool", "group"] as const),
];

/** The options with their defaults. Throws if they are wrong by themselves. */
export function checkArguments(vectors: Float32Array, options: KMeansOptions) {
  checkKernelOptions("kmeans", options, known);
  const { dim, clusters, iterations = 10, metric = "euclidean" } = options;
  const { seeding = "sample", seed = 0, init, weights, batchSize, labels = false } = options;
  const { onProgress, signal, group = solo() } = options;
  checkInteger("kmeans: dim", dim);
  checkInteger("kmeans: clusters", clusters);
  checkInteger("kmeans: iterations", iterations);
  checkInteger("kmeans: seed", seed, 0);
  checkChoice("kmeans: metric", metric, ["euclidean", "cosine"]);
  checkChoice("kmeans: seeding", seeding, ["sample", "kmeans++"]);
  checkBoolean("kmeans: labels", labels);
  checkWatching("kmeans", { onProgress, signal });
  const own = countRows("kmeans", vectors, dim);
  if (weights !== undefined) checkWeights(weights, own);
  if (init !== undefined) {
    if (options.seeding !== undefined) throw expected("kmeans: seeding", "none with init", seeding);
    checkInit(init, dim, clusters);
  }
  if (group.size > 1) {
    if (batchSize !== undefined) {
      throw expected("kmeans: batchSize", "none with a group of processes", batchSize);
    }
    if (signal !== undefined) {
      throw expected("kmeans: signal", "none with a group of processes", signal);
    }
  }
  return {
    ...{ dim, clusters, iterations, metric, seeding, seed, init, weights, own, batchSize, group },
    ...{ labels, onProgress, signal },
  };
}

/** Weights whose products with usual numbers are in float32's range. */
const [LEAST, MOST] = [1e-12, 1e12];

function checkWeights(weights: unknown, rows: number): asserts weights is Float32Array {
  checkFloats("kmeans: weights", weights);
  if (weights.length !== rows) {
    throw expected("kmeans: weights", `${rows} numbers, as there are vectors`, weights.length);
  }
  const bad = weights.findIndex(
    (weight) => weight !== 0 && !(weight >= Math.fround(LEAST) && weight <= MOST),
  );
  if (bad < 0) return;
  throw expected(`kmeans: weights[${bad}]`, `0 or from ${LEAST} to ${MOST}`, weights[bad]);
}

function checkInit(init: unknown, dim: number, clusters: number): asserts init is Float32Array {
  checkFloats("kmeans: init", init);
  if (init.length !== clusters * dim) {
    throw expected("kmeans: init", `${clusters} x ${dim} numbers`, init.length);
  }
  const at = firstNotFinite(init);
  if (at < 0) return;
  throw expected(`kmeans: init, row ${Math.floor(at / dim)}`, "finite numbers", init[at]);
}
