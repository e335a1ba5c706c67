import type { ProcessGroup } from "../../distributed/processGroup.ts";
import { checkInteger, expected, VectorQuantizeError } from "../../errors.ts";
import { defaultPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import { firstNotFinite } from "../invalid.ts";
import { createScalarClustering } from "./clustering.reference.ts";
import type { Clustering } from "./clustering.ts";
import { createKernelClustering } from "./kernelClustering.ts";
import {
  checkArguments,
  type KMeansOptions,
  type KMeansResult,
  type LabelledResult,
} from "./kmeansOptions.ts";
import { seedApart, seedBySample } from "./seeding.ts";
import { checkAligned, partsOfVectors, sharedClustering } from "./sharedClustering.ts";
import { sampleDistinct, uniformFrom } from "./uniform.ts";
import { watch } from "./watch.ts";

export type { KMeansOptions, KMeansResult, LabelledResult } from "./kmeansOptions.ts";
export type { KMeansProgress } from "./watch.ts";

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
 * Beside the vectors, which stay where they are, it takes 4 MiB for a part of them (up to 32 MiB for all of few), 8
 * bytes for each, 12 where they are weighed and in mini-batches, and some 20 for each number of the centroids.
 *
 * Lloyd, Least squares quantization in PCM (1982), https://doi.org/10.1109/TIT.1982.1056489;
 * Arthur and Vassilvitskii, k-means++ (2007), https://dl.acm.org/doi/10.5555/1283383.1283494;
 * Bahmani et al., Scalable k-means++ (2012), https://arxiv.org/abs/1203.6402;
 * Sculley, Web-scale k-means clustering (2010), https://doi.org/10.1145/1772690.1772862
 *
 * @param vectors `[N, D]`, N at least K, not counting those of weight 0; N is not bound by the kernels' memory
 * @throws if there are fewer vectors than clusters, or one of them is not finite; the reason of `signal`
 */
export async function kmeans(
  vectors: Float32Array,
  options: KMeansOptions & { readonly labels: true },
): Promise<LabelledResult>;
export async function kmeans(vectors: Float32Array, options: KMeansOptions): Promise<KMeansResult>;
export async function kmeans(vectors: Float32Array, options: KMeansOptions): Promise<KMeansResult> {
  const { own, group, ...given } = checkArguments(vectors, options);
  const { dim, clusters, metric, weights } = given;
  const parts = await partsOfVectors(group, own);
  if (group.size > 1) checkAligned(parts, dim);
  await checkFinite(vectors, dim, group);
  const drawn = await drawnRows(own, weights, group);
  const batchRows = checkRows(drawn.count, given);
  const watched = watch(given.iterations, given, group.size > 1);
  const run: Run = {
    ...{ ...given, drawn, batchRows, watched },
    rows: parts.total,
    whole: given.batchSize === undefined || given.batchSize === parts.total,
  };
  const held = run.whole ? own : batchRows;
  const size = { dim, clusters, metric, vectors, weights, rows: held, tick: watched.tick };
  if (!supports("plain")) {
    if (group.size > 1)
      throw expected("kmeans: group", "one process where there is no SIMD", group.size);
    return cluster(createScalarClustering(size), run);
  }
  const pool = options.pool ?? defaultPool();
  return pool.exclusive(async (scope) => {
    const part = await createKernelClustering(pool, scope, size);
    return cluster(group.size > 1 ? sharedClustering(part, parts, group, dim) : part, run);
  });
}

/** What is known once the arguments are checked. */
type Run = Omit<ReturnType<typeof checkArguments>, "own" | "group"> & {
  /** Vectors of all processes. */
  readonly rows: number;
  readonly drawn: DrawnRows;
  /** Vectors of an iteration, and whether these are all. */
  readonly batchRows: number;
  readonly whole: boolean;
  readonly watched: ReturnType<typeof watch>;
};

async function cluster(clustering: Clustering, run: Run): Promise<KMeansResult> {
  const { iterations, whole, batchRows, drawn, watched } = run;
  const next = uniformFrom(run.seed);
  const chooseBatch = () => {
    const chosen = sampleDistinct(next, drawn.count, batchRows);
    clustering.choose(drawn.rows ? chosen.map((n) => drawn.rows![n]!) : chosen);
  };
  watched.begin(0);
  if (whole) clustering.choose();
  else chooseBatch();
  await start(clustering, run, next);
  let done = 0;
  let settled = false;
  while (done < iterations && !settled) {
    watched.begin(done + 1);
    if (!whole && done > 0) chooseBatch();
    const changed = await clustering.assign();
    await watched.found(clustering.inertia);
    done++;
    settled = whole && changed === 0;
    if (!settled) await clustering.move(!whole);
  }
  const found = {
    centroids: clustering.centroids(),
    counts: clustering.counts(),
    inertia: await clustering.inertia(),
    iterations: done,
    warnings: warningsOf(run),
  };
  if (!run.labels) return found;
  if (!settled) {
    watched.begin(iterations + 1);
    if (!whole) clustering.choose();
    await clustering.assign();
  }
  const labelled: LabelledResult = {
    ...found,
    labels: clustering.labels(),
    distances: clustering.distances(),
  };
  return labelled;
}

/** Brings the centroids to where they start. */
function start(clustering: Clustering, run: Run, next: () => number): Promise<void> {
  const { init, seeding, clusters, whole, weights } = run;
  if (init !== undefined) return clustering.startAt(init);
  if (seeding === "kmeans++") return seedApart(clustering, next, clusters);
  const rows = whole ? run.rows : run.batchRows;
  return seedBySample(clustering, next, { rows, clusters, weighted: weights !== undefined });
}

/** The vectors that weigh something: how many in all processes, and which if not all do. */
interface DrawnRows {
  readonly count: number;
  readonly rows?: Int32Array;
}

async function drawnRows(
  own: number,
  weights: Float32Array | undefined,
  group: ProcessGroup,
): Promise<DrawnRows> {
  let heavy = own;
  for (const weight of weights ?? []) if (weight === 0) heavy--;
  const sums = Float64Array.of(heavy, weights === undefined ? 0 : 1);
  await group.allReduce(sums);
  const [count = 0, weighing] = sums;
  if (weighing !== 0 && weighing !== group.size) {
    throw expected("kmeans: weights", `those of all ${group.size} processes, or none`, weighing);
  }
  if (heavy === own || weights === undefined) return { count };
  const rows = new Int32Array(heavy);
  let at = 0;
  for (const [n, weight] of weights.entries()) if (weight !== 0) rows[at++] = n;
  return { count, rows };
}

function warningsOf({ drawn, clusters }: Run): string[] {
  if (drawn.count >= FEW_VECTORS * clusters) return [];
  return [
    `kmeans: ${drawn.count} vectors are fewer than ${FEW_VECTORS} for each of ${clusters} clusters: ` +
      "the centroids follow the noise of the sample",
  ];
}

/** Throws in all processes if a number in one of them is not finite. */
async function checkFinite(vectors: Float32Array, dim: number, group: ProcessGroup): Promise<void> {
  const at = firstNotFinite(vectors);
  const bad = Int32Array.of(at < 0 ? 0 : 1);
  await group.allReduce(bad);
  if (bad[0] === 0) return;
  if (at >= 0) {
    throw expected(`kmeans: vectors, row ${Math.floor(at / dim)}`, "finite numbers", vectors[at]);
  }
  throw new VectorQuantizeError(
    "kmeans: vectors: expected finite numbers, got others in another process",
  );
}

/** Vectors of an iteration. */
function checkRows(
  drawn: number,
  { clusters, batchSize, weights }: Pick<Run, "clusters" | "batchSize" | "weights">,
): number {
  const kind = weights === undefined ? "" : " of a weight above 0";
  if (drawn < clusters) {
    throw expected(`kmeans: vectors${kind}`, `at least as many as clusters, ${clusters}`, drawn);
  }
  const batchRows = batchSize === undefined ? drawn : batchSize;
  checkInteger("kmeans: batchSize", batchRows, clusters);
  if (batchRows > drawn) {
    throw expected("kmeans: batchSize", `at most ${drawn} vectors${kind}`, batchRows);
  }
  return batchRows;
}
