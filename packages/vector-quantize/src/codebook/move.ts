import type { numpy as np } from "@jax-js/jax";
import type { Metric } from "../search/graph.ts";
import { type CodeStatistics, codesFromAverages, moveAverages } from "./averages.ts";
import type { CodebookState } from "./codebook.ts";
import {
  type DeadCodeThreshold,
  type Replacements,
  replaceDeadCodes,
  replacesDeadCodes,
} from "./deadCodes.ts";
import type { Clusters } from "./kmeans.ts";

/** How a codebook follows its vectors. */
export interface MovingOptions {
  /** How much of the moving averages a step keeps. */
  decay: number;
  /** Laplace smoothing of the counts. */
  eps: number;
  /** Whether the averages, and the codes with them, follow the vectors. */
  emaUpdate: boolean;
  /** Whether the codes wait for a call of their own to follow the averages. */
  manualEmaUpdate: boolean;
  /** Below which use a code is replaced; 0 for never. */
  thresholdEmaDeadCode: DeadCodeThreshold;
  metric: Metric;
}

/** What a batch brings to one codebook. */
export interface Batch {
  /** What each code got. */
  statistics: CodeStatistics;
  /** Without them, dead codes stay. */
  replacements?: Replacements | undefined;
  /** Factor on the rate of each code's averages, `[K]`. */
  weight?: np.Array | undefined;
}

/** Whether a training step moves anything. */
export function codebookMoves(options: MovingOptions): boolean {
  return options.emaUpdate || replacesDeadCodes(options.thresholdEmaDeadCode);
}

/** One training step of a codebook: averages, then codes, then the replacement of dead codes. */
export function moveCodebook(
  options: MovingOptions,
  state: CodebookState,
  { statistics, replacements, weight }: Batch,
): CodebookState {
  const { decay, eps, emaUpdate, manualEmaUpdate, thresholdEmaDeadCode, metric } = options;
  const averages = moveAverages(state, statistics, decay, weight);
  const moved = emaUpdate && !manualEmaUpdate ? codesFromAverages(averages, eps, metric) : averages;
  if (!replacements || !replacesDeadCodes(thresholdEmaDeadCode)) return moved;
  return replaceDeadCodes(moved, replacements, thresholdEmaDeadCode, metric);
}

/** The codebook that k-means found, as if its clusters were the averages so far. */
export function codebookOfClusters(
  { eps, metric }: Pick<MovingOptions, "eps" | "metric">,
  { means, counts }: Clusters,
): CodebookState {
  const codeSums = means.ref.mul(counts.ref.reshape([-1, 1]));
  return codesFromAverages({ codebook: means, clusterSize: counts, codeSums }, eps, metric);
}
