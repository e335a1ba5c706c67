import { blockUntilReady, jit, numpy as np, random, tree } from "@jax-js/jax";
import { VectorQuantizeError } from "../errors.ts";
import { hideMasked } from "../layout/mask.ts";
import { lazy } from "../lazy.ts";
import { byPath } from "../paths.ts";
import { type Metric, nearestInGraph, normalise } from "../search/graph.ts";
import { floats } from "../search/kernel.ts";
import { int32, present } from "../tracing.ts";
import { owns } from "../tree.ts";
import { type CodeStatistics, codeStatistics } from "./averages.ts";
import { drawRows } from "./deadCodes.ts";

const kmeansModule = lazy(() => import("../kernels/clustering/kmeans.ts"));

/** Codes and, for each, how many vectors it got in the last assignment. */
export type Clusters = { means: np.Array; counts: np.Array }; // [K, C], [K]

/** What k-means starts from. */
export interface ClusterOptions {
  K: number;
  iterations: number;
  metric: Metric;
  key: np.Array;
  /** Told what may be wrong with the sample. */
  warn: (message: string) => void;
}

/** Below so many vectors per code the codes follow the noise of the sample, as faiss warns. */
const FEW_VECTORS = 39;

/**
 * Lloyd's k-means from `K` vectors drawn at random; for `cosine` on unit vectors, spherical k-means.
 *
 * By the kernels where they run. There a cluster that gets no vector moves to the vector farthest
 * from its code; in the graph it keeps its code.
 *
 * @param vectors `[N, C]`
 * @param usable bool `[N]`: rows that count
 * @throws VectorQuantizeError if there are fewer usable rows than clusters
 *
 * Source: Lloyd, "Least squares quantization in PCM", 1982, https://doi.org/10.1109/TIT.1982.1056489
 */
export async function clusters(
  vectors: np.Array,
  usable: np.Array,
  options: ClusterOptions,
): Promise<Clusters> {
  const { K, warn } = options;
  using _ = owns(vectors, usable, options.key);
  const marks = (await usable.ref.data()) as unknown as ArrayLike<number>;
  const available = Array.from(marks).reduce((sum: number, mark) => sum + (mark ? 1 : 0), 0);
  if (available < K) {
    throw new VectorQuantizeError(
      `fit: expected at least ${K} vectors for ${K} codes, got ${available}. Give a larger sample`,
    );
  }
  if (available < FEW_VECTORS * K) {
    warn(`fit: ${available} vectors for ${K} codes; ${FEW_VECTORS * K} or more give better codes`);
  }
  const own = { ...options, key: options.key.ref };
  return await byPath(
    vectors,
    () => clustersOnKernels(vectors.ref, marks, own),
    () => clustersInGraph(vectors.ref, usable.ref, own),
  );
}

/** `clusters` by the kernels. */
async function clustersOnKernels(
  vectors: np.Array,
  marks: ArrayLike<number>,
  { K, iterations, metric, key }: ClusterOptions,
): Promise<Clusters> {
  const C = vectors.shape[1] as number;
  const rows = await floats(vectors);
  const kept: number[] = [];
  for (let n = 0; n < marks.length; n++) if (marks[n]) kept.push(n);
  const sample = new Float32Array(kept.length * C);
  for (const [at, n] of kept.entries()) sample.set(rows.subarray(n * C, (n + 1) * C), at * C);
  const [seed] = (await random.bits(key, [1]).data()) as Uint32Array;
  const { kmeans } = await kmeansModule();
  const found = await kmeans(sample, { dim: C, clusters: K, iterations, metric, seed: seed ?? 0 });
  return {
    means: np.array(found.centroids, { shape: [K, C] }),
    counts: np.array(Float32Array.from(found.counts)),
  };
}

/** `clusters` in the graph, on any device. */
export async function clustersInGraph(
  vectors: np.Array,
  usable: np.Array,
  { K, iterations, metric, key }: ClusterOptions,
): Promise<Clusters> {
  const marks = jit((rows: np.Array) => rows.astype(np.int32).sub(int32(1)))(usable); // 0, or -1
  const step = lloydStep(K, metric);
  const drawn = jit(
    (v: np.Array, m: np.Array, k: np.Array) => drawRows({ vectors: v, indices: m, key: k }, K).rows,
  );
  let found: Clusters = { means: drawn(vectors.ref, marks.ref, key), counts: np.zeros([K]) };
  for (let iteration = 0; iteration < iterations; iteration++) {
    found = step(found, vectors.ref, marks.ref);
    await blockUntilReady(found);
  }
  tree.dispose([vectors, marks]);
  return found;
}

function lloydStep(K: number, metric: Metric) {
  return jit(({ means, counts }: Clusters, vectors: np.Array, marks: np.Array) => {
    counts.dispose();
    const nearest = nearestInGraph(vectors.ref, means.ref, metric);
    const assigned = hideMasked(nearest, present(marks));
    const batch: CodeStatistics = codeStatistics(vectors, assigned, K);
    const filled = batch.counts.ref.greater(0).reshape([-1, 1]);
    const average = batch.sums.div(np.maximum(batch.counts.ref, 1).reshape([-1, 1]));
    const moved = metric === "cosine" ? normalise(average) : average;
    return { means: np.where(filled, moved, means), counts: batch.counts };
  });
}
