import { blockUntilReady, jit, numpy as np, random, tree } from "@jax-js/jax";
import { VectorQuantizeError } from "../errors.ts";
import { hideMasked } from "../layout/mask.ts";
import { lazy } from "../lazy.ts";
import { byPath } from "../paths.ts";
import { type Metric, nearestInGraph, normalise } from "../search/graph.ts";
import { floats } from "../search/kernel.ts";
import { nearlyNearestOnShaders } from "../search/shader.ts";
import { int32, present } from "../tracing.ts";
import { jitted, owns } from "../tree.ts";
import { type CodeStatistics, codeStatistics } from "./averages.ts";
import { drawRows } from "./deadCodes.ts";
import { statisticsOnShaders } from "./statistics.ts";

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
 * from its code; by the shaders and in the graph it keeps its code.
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
  using _ = owns(vectors, usable, options.key);
  const marks = await marksOf(usable.ref, options);
  const own = { ...options, key: options.key.ref };
  return await byPath(
    vectors,
    () => clustersOnKernels(vectors.ref, marks, own),
    () => clustersInGraph(vectors.ref, usable.ref, own),
    () => clustersOnShaders(vectors.ref, usable.ref, own),
  );
}

/**
 * Which rows of a sample count, read. Takes ownership.
 *
 * @throws VectorQuantizeError if there are fewer than codes
 */
export async function marksOf(
  usable: np.Array,
  { K, warn }: Pick<ClusterOptions, "K" | "warn">,
): Promise<ArrayLike<number>> {
  const marks = (await usable.data()) as unknown as ArrayLike<number>;
  const available = Array.from(marks).reduce((sum: number, mark) => sum + (mark ? 1 : 0), 0);
  if (available < K) {
    throw new VectorQuantizeError(
      `fit: expected at least ${K} vectors for ${K} codes, got ${available}. Give a larger sample`,
    );
  }
  if (available < FEW_VECTORS * K) {
    warn(`fit: ${available} vectors for ${K} codes; ${FEW_VECTORS * K} or more give better codes`);
  }
  return marks;
}

/** The vectors `[N, C]` whose rows are marked, in ordinary memory. Takes ownership. */
export async function markedRows(
  vectors: np.Array,
  marks: ArrayLike<number>,
): Promise<Float32Array<ArrayBuffer>> {
  const C = vectors.shape[1] as number;
  const rows = await floats(vectors);
  const kept: number[] = [];
  for (let n = 0; n < marks.length; n++) if (marks[n]) kept.push(n);
  const sample = new Float32Array(kept.length * C);
  for (const [at, n] of kept.entries()) sample.set(rows.subarray(n * C, (n + 1) * C), at * C);
  return sample;
}

/** A seed of the kernels' own, drawn by a key. Takes ownership. */
export async function seedOf(key: np.Array): Promise<number> {
  const [seed] = (await random.bits(key, [1]).data()) as Uint32Array;
  return seed ?? 0;
}

/** `clusters` by the kernels. */
async function clustersOnKernels(
  vectors: np.Array,
  marks: ArrayLike<number>,
  { K, iterations, metric, key }: ClusterOptions,
): Promise<Clusters> {
  const C = vectors.shape[1] as number;
  const sample = await markedRows(vectors, marks);
  const seed = await seedOf(key);
  const { kmeans } = await kmeansModule();
  const found = await kmeans(sample, { dim: C, clusters: K, iterations, metric, seed });
  return {
    means: np.array(found.centroids, { shape: [K, C] }),
    counts: np.array(Float32Array.from(found.counts)),
  };
}

/** What Lloyd's iterations start from, and their rows: 0, or -1 for one that doesn't count. */
function startOf(vectors: np.Array, usable: np.Array, { K, key }: ClusterOptions) {
  const marks = jit((rows: np.Array) => rows.astype(np.int32).sub(int32(1)))(usable);
  const drawn = jit(
    (v: np.Array, m: np.Array, k: np.Array) => drawRows({ vectors: v, indices: m, key: k }, K).rows,
  );
  return { marks, means: drawn(vectors.ref, marks.ref, key) };
}

/** `clusters` in the graph, on any device. */
export async function clustersInGraph(
  vectors: np.Array,
  usable: np.Array,
  options: ClusterOptions,
): Promise<Clusters> {
  const { K, iterations, metric } = options;
  const { marks, means } = startOf(vectors, usable, options);
  const step = jitted(({ means, counts }: Clusters, vectors: np.Array, marks: np.Array) => {
    counts.dispose();
    const nearest = nearestInGraph(vectors.ref, means.ref, metric);
    const assigned = hideMasked(nearest, present(marks));
    return movedTo(means, codeStatistics(vectors, assigned, K), metric);
  });
  let found: Clusters = { means, counts: np.zeros([K]) };
  for (let iteration = 0; iteration < iterations; iteration++) {
    found = step(found, vectors.ref, marks.ref);
    await blockUntilReady(found);
  }
  tree.dispose([vectors, marks]);
  return found;
}

/** The same by the shaders, on WebGPU: nothing is read back, and there is no matrix `[N, K]`. */
async function clustersOnShaders(
  vectors: np.Array,
  usable: np.Array,
  options: ClusterOptions,
): Promise<Clusters> {
  const { K, iterations, metric } = options;
  const { marks, means } = startOf(vectors, usable, options);
  const assign = jitted((nearest: np.Array, marks: np.Array) =>
    hideMasked(nearest, present(marks)),
  );
  const move = jitted((means: np.Array, batch: CodeStatistics) => movedTo(means, batch, metric));
  const { device } = vectors;
  const held: { found: Clusters } = { found: { means, counts: np.zeros([K], { device }) } };
  using _ = owns(vectors, marks, held);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const { means, counts } = held.found;
    const nearest = await nearlyNearestOnShaders(vectors.ref, means.ref, metric);
    const indices = assign(nearest, marks.ref);
    using _indices = owns(indices);
    const [batch] = await statisticsOnShaders([{ vectors, indices }], K);
    counts.dispose();
    held.found = move(means, batch as CodeStatistics);
  }
  return tree.ref(held.found);
}

/** The means of the vectors that each cluster got; one without any keeps its own. */
function movedTo(means: np.Array, batch: CodeStatistics, metric: Metric): Clusters {
  const filled = batch.counts.ref.greater(0).reshape([-1, 1]);
  const average = batch.sums.div(np.maximum(batch.counts.ref, 1).reshape([-1, 1]));
  const moved = metric === "cosine" ? normalise(average) : average;
  return { means: np.where(filled, moved, means), counts: batch.counts };
}
