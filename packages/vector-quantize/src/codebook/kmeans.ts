import { blockUntilReady, jit, numpy as np, tree } from "@jax-js/jax";
import { VectorQuantizeError } from "../errors.ts";
import { hideMasked } from "../layout/mask.ts";
import { type Metric, nearestInGraph, normalise } from "../search/graph.ts";
import { integer } from "../tracing.ts";
import { type CodeStatistics, codeStatistics } from "./averages.ts";
import { drawRows } from "./deadCodes.ts";

/** Codes and, for each, how many vectors it got in the last assignment. */
export type Clusters = { means: np.Array; counts: np.Array }; // [K, C], [K]

/**
 * Lloyd's k-means from `K` rows drawn at random; for `cosine` on unit vectors, spherical k-means.
 *
 * A cluster that gets no vector keeps its mean.
 *
 * @param vectors `[N, C]`
 * @param usable bool `[N]`: rows that count
 * @throws VectorQuantizeError if there are fewer usable rows than clusters
 *
 * Source: Lloyd, "Least squares quantization in PCM", 1982, https://doi.org/10.1109/TIT.1982.1056489
 */
export async function kmeansInGraph(
  vectors: np.Array,
  usable: np.Array,
  K: number,
  iterations: number,
  metric: Metric,
  key: np.Array,
): Promise<Clusters> {
  const marks = jit((rows: np.Array) => rows.astype(np.int32).sub(integer(1)))(usable); // 0, or -1 if unusable
  const available = (await np.sum(marks.ref.add(integer(1))).data())[0] as number;
  if (available < K) {
    tree.dispose([vectors, marks, key]);
    throw new VectorQuantizeError(
      `fit: expected at least ${K} vectors for ${K} codes, got ${available}. Give a larger sample`,
    );
  }
  const step = lloydStep(K, metric);
  const drawn = jit((v: np.Array, m: np.Array, k: np.Array) => drawRows(v, m, K, k).rows);
  let clusters: Clusters = { means: drawn(vectors.ref, marks.ref, key), counts: np.zeros([K]) };
  for (let iteration = 0; iteration < iterations; iteration++) {
    clusters = step(clusters, vectors.ref, marks.ref);
    await blockUntilReady(clusters);
  }
  tree.dispose([vectors, marks]);
  return clusters;
}

function lloydStep(K: number, metric: Metric) {
  return jit(({ means, counts }: Clusters, vectors: np.Array, marks: np.Array) => {
    counts.dispose();
    const nearest = nearestInGraph(vectors.ref, means.ref, metric);
    const assigned = hideMasked(nearest, marks.greaterEqual(integer(0)));
    const batch: CodeStatistics = codeStatistics(vectors, assigned, K);
    const filled = batch.counts.ref.greater(0).reshape([-1, 1]);
    const average = batch.sums.div(np.maximum(batch.counts.ref, 1).reshape([-1, 1]));
    const moved = metric === "cosine" ? normalise(average) : average;
    return { means: np.where(filled, moved, means), counts: batch.counts };
  });
}
