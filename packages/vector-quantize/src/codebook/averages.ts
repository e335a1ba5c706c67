import { numpy as np } from "@jax-js/jax";
import { type Metric, normalise } from "../search/graph.ts";
import { asNumbers, present } from "../tracing.ts";
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
  const chosen = asNumbers(indices.ref.reshape([-1, 1]).equal(np.arange(K))); // [N, K]
  const counted = present(indices).reshape([-1, 1]); // [N, 1]
  const kept = np.where(counted, vectors, 0); // NaN times zero would be NaN
  return { counts: np.sum(chosen.ref, 0), sums: np.matmul(chosen.transpose(), kept) };
}

/** How fast each code's averages move, as a factor on `1 - decay`: a user's own function, by name. */
export interface EmaWeightFunction {
  readonly name: string;
  /** From the batch's sums `[K, C]` and counts `[K]` to factors `[K]`. */
  readonly weight: (sums: np.Array, counts: np.Array) => np.Array;
}

/**
 * Moves the averages: `a <- a + (1 - decay) w (batch - a)` for counts and sums.
 *
 * The codes stay as they are until `codesFromAverages`.
 *
 * @param weight factor `w` per code, `[K]`; 1 if there is none
 */
export function moveAverages(
  state: CodebookState,
  batch: CodeStatistics,
  decay: number,
  weight?: np.Array,
): CodebookState {
  const rate = weight ? weight.mul(1 - decay) : np.array(1 - decay); // [K] or []
  const perCode = weight ? rate.ref.reshape([-1, 1]) : rate.ref;
  return {
    codebook: state.codebook,
    clusterSize: state.clusterSize.ref.add(batch.counts.sub(state.clusterSize).mul(rate)),
    codeSums: state.codeSums.ref.add(batch.sums.sub(state.codeSums).mul(perCode)),
  };
}

/** A sum of all counts so small says nothing of the codes any more: it goes to 0 over 0. */
const FADED = 1e-20;

/**
 * The codes that the averages stand for: `c_k = s_k / n'_k` with the Laplace-smoothed counts
 * `n'_k = (n_k + eps) / (n + K eps) n`, `n = sum_k n_k`; of unit length for `cosine`. After very many
 * batches without a vector `n` has faded away, and the codes stay.
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
  const counts = total.ref.greater(FADED); // []
  const smoothed = clusterSize.ref
    .add(eps)
    .div(total.ref.add(K * eps))
    .mul(total); // [K]
  const means = codeSums.ref.div(smoothed.reshape([-1, 1]));
  const codes = metric === "cosine" ? normalise(means) : means;
  return { codebook: np.where(counts, codes, codebook), clusterSize, codeSums };
}
