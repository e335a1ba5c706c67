import { numpy as np, random } from "@jax-js/jax";
import { type Metric, normalise } from "../search/graph.ts";
import { both, int32, present, solid } from "../tracing.ts";

/**
 * A codebook that follows its vectors by exponential moving averages.
 *
 * `codebook = codeSums / smoothed clusterSize`: the sums and counts move, the codes follow.
 */
export type CodebookState = {
  /** The codes, `[K, C]`; the reference's `embed`. */
  codebook: np.Array;
  /** Moving average of how many vectors a batch gives each code, `[K]`; `cluster_size`. */
  clusterSize: np.Array;
  /** Moving average of the sum of these vectors, `[K, C]`; `embed_avg`. */
  codeSums: np.Array;
};

/**
 * A fresh codebook: uniform in `±sqrt(6 / (K C))` as the reference starts, of unit length for
 * `cosine`; every code counts as used once.
 */
export function initCodebook(key: np.Array, K: number, C: number, metric: Metric): CodebookState {
  const bound = Math.sqrt(6 / (K * C));
  const codes = random.uniform(key, [K, C], { minval: -bound, maxval: bound });
  const codebook = metric === "cosine" ? normalise(codes) : codes;
  return { codebook: codebook.ref, clusterSize: np.ones([K]), codeSums: codebook };
}

/** The codes of `indices` `[N]`: `[N, C]`. An index outside 0 to K - 1 gives a row of NaN. */
export function lookUp(codebook: np.Array, indices: np.Array): np.Array {
  const K = codebook.shape[0] as number;
  const inside = both(present(indices.ref), indices.ref.less(int32(K))); // [N]
  const safe = np.clip(indices, int32(0), int32(K - 1));
  const codes = solid(np.take(codebook, safe, 0)); // [N, C]
  return np.where(inside.reshape([-1, 1]), codes, Number.NaN);
}
