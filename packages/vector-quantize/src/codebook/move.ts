import type { numpy as np } from "@jax-js/jax";
import type { Metric } from "../search/graph.ts";
import { codeStatistics, codesFromAverages, moveAverages } from "./averages.ts";
import type { CodebookState } from "./codebook.ts";
import { type DeadCodeThreshold, replaceDeadCodes, replacesDeadCodes } from "./deadCodes.ts";
import type { Clusters } from "./kmeans.ts";

/** How a codebook follows its vectors. */
export interface MovingOptions {
  /** How much of the moving averages a step keeps. */
  decay: number;
  /** Laplace smoothing of the counts. */
  eps: number;
  /** Whether the codes follow the averages. */
  emaUpdate: boolean;
  /** Below which use a code is replaced; 0 for never. */
  thresholdEmaDeadCode: DeadCodeThreshold;
  metric: Metric;
}

/**
 * One training step of the codebook: averages, then codes, then the replacement of dead codes.
 *
 * @param vectors `[N, C]`
 * @param indices int32 `[N]`; rows with -1 are left out
 * @param key needed if dead codes are replaced
 */
export function moveCodebook(
  options: MovingOptions,
  state: CodebookState,
  vectors: np.Array,
  indices: np.Array,
  key: np.Array | undefined,
): CodebookState {
  const { decay, eps, emaUpdate, thresholdEmaDeadCode, metric } = options;
  const replaces = replacesDeadCodes(thresholdEmaDeadCode);
  if (!emaUpdate && !replaces) return state;
  const K = state.clusterSize.shape[0] as number;
  const batch = codeStatistics(vectors.ref, indices.ref, K);
  const averages = moveAverages(state, batch, decay);
  const moved = emaUpdate ? codesFromAverages(averages, eps, metric) : averages;
  if (!replaces) return moved;
  return replaceDeadCodes(moved, vectors, indices, thresholdEmaDeadCode, metric, key as np.Array);
}

/** The codebook that k-means found, as if its clusters were the averages so far. */
export function codebookOfClusters(
  { eps, metric }: Pick<MovingOptions, "eps" | "metric">,
  { means, counts }: Clusters,
): CodebookState {
  const codeSums = means.ref.mul(counts.ref.reshape([-1, 1]));
  return codesFromAverages({ codebook: means, clusterSize: counts, codeSums }, eps, metric);
}
