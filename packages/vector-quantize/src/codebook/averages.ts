import { numpy as np } from "@jax-js/jax";
import { type Metric, normalise } from "../search/graph.ts";
import { integer } from "../tracing.ts";
import type { CodebookState } from "./codebook.ts";

/** What a batch gives each code. */
export type CodeStatistics = {
  counts: np.Array; // [K]
  sums: np.Array; // [K, C]
};

/**
 * Counts and sums of the vectors that each code got; rows with index -1 are left out.
 *
 * @param vectors `[N, C]`
 * @param indices int32 `[N]`
 * @param K codebook size
 */
export function codeStatistics(vectors: np.Array, indices: np.Array, K: number): CodeStatistics {
  // As products with one-hot rows: a scatter, the transpose of a gather, cannot be had inside a
  // traced function without confusing the traces around it. Compared, not `nn.oneHot`: that gives
  // index -1 a row of ones, this one of zeros.
  const chosen = indices.ref.reshape([-1, 1]).equal(np.arange(K)).astype(np.float32); // [N, K]
  const counted = indices.greaterEqual(integer(0)).reshape([-1, 1]); // [N, 1]
  const kept = np.where(counted, vectors, 0); // NaN times zero would be NaN
  return { counts: np.sum(chosen.ref, 0), sums: np.matmul(chosen.transpose(), kept) };
}

/**
 * Moves the averages: `a <- a + (1 - decay)(batch - a)` for counts and sums.
 *
 * The codes stay as they are until `codesFromAverages`.
 */
export function moveAverages(
  state: CodebookState,
  batch: CodeStatistics,
  decay: number,
): CodebookState {
  const move = (old: np.Array, now: np.Array) => old.ref.add(now.sub(old).mul(1 - decay));
  return {
    codebook: state.codebook,
    clusterSize: move(state.clusterSize, batch.counts),
    codeSums: move(state.codeSums, batch.sums),
  };
}

/**
 * The codes that the averages stand for: `c_k = s_k / n'_k` with the Laplace-smoothed counts
 * `n'_k = (n_k + eps) / (n + K eps) n`, `n = sum_k n_k`; of unit length for `cosine`.
 *
 * Source: van den Oord et al., "Neural Discrete Representation Learning", 2017, appendix A.1,
 * https://arxiv.org/abs/1711.00937
 */
export function codesFromAverages(
  state: CodebookState,
  eps: number,
  metric: Metric,
): CodebookState {
  const { codebook, clusterSize, codeSums } = state;
  const K = clusterSize.shape[0] as number;
  const total = np.sum(clusterSize.ref); // []
  const smoothed = clusterSize.ref
    .add(eps)
    .div(total.ref.add(K * eps))
    .mul(total); // [K]
  const codes = codeSums.ref.div(smoothed.reshape([-1, 1]));
  codebook.dispose();
  return { codebook: metric === "cosine" ? normalise(codes) : codes, clusterSize, codeSums };
}
