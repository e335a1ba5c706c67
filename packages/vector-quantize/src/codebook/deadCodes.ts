import { numpy as np, random } from "@jax-js/jax";
import { type Metric, normalise } from "../search/graph.ts";
import { asNumbers, both, present } from "../tracing.ts";
import type { CodebookState } from "./codebook.ts";

/**
 * When a code counts as dead: its moving average of uses falls below an absolute count, or below a
 * share of what every code would get if all were used alike.
 */
export type DeadCodeThreshold = number | { readonly share: number };

/** What dead codes are replaced by: rows that are drawn, or are to be. */
export type Replacements = DrawnRows | RowsToDraw;

/** Drawn rows. */
export interface DrawnRows {
  /** `[K, C]`: for each code one. */
  rows: np.Array;
  /** Whether there was any to draw: `[]`. If not, nothing is replaced. */
  any: np.Array;
}

export interface RowsToDraw {
  /** `[N, C]` */
  vectors: np.Array;
  /** int32 `[N]`; rows with -1 are never drawn. */
  indices: np.Array;
  key: np.Array;
}

/** Whether a code may ever be replaced. */
export function replacesDeadCodes(threshold: DeadCodeThreshold): boolean {
  return (typeof threshold === "object" ? threshold.share : threshold) > 0;
}

/** The threshold as a count of uses: a number, or a scalar array that follows the averages. */
function thresholdCount(threshold: DeadCodeThreshold, clusterSize: np.Array): np.Array {
  if (typeof threshold === "object") return np.mean(clusterSize).mul(threshold.share);
  clusterSize.dispose();
  return np.array(threshold);
}

/** 1 if a code is dead, else 0: a scalar. */
export function anyDead(clusterSize: np.Array, threshold: DeadCodeThreshold): np.Array {
  const least = thresholdCount(threshold, clusterSize.ref);
  return np.max(asNumbers(clusterSize.less(least)));
}

/**
 * Replaces dead codes by vectors of the batch, drawn at random without repetition while there are
 * enough. A replaced code starts afresh: its count is the threshold, its sum the vector times it.
 *
 * Source: Zeghidour et al., "SoundStream", 2021, section III-C, https://arxiv.org/abs/2107.03312
 */
export function replaceDeadCodes(
  state: CodebookState,
  replacements: Replacements,
  threshold: DeadCodeThreshold,
  metric: Metric,
): CodebookState {
  const { codebook, clusterSize, codeSums } = state;
  const K = clusterSize.shape[0] as number;
  const start = thresholdCount(threshold, clusterSize.ref); // []
  const drawn = "rows" in replacements ? replacements : drawRows(replacements, K);
  const dead = both(clusterSize.ref.less(start.ref), drawn.any); // [K]
  const wide = dead.ref.reshape([-1, 1]);
  const fresh = metric === "cosine" ? normalise(drawn.rows) : drawn.rows; // [K, C]
  return {
    codebook: np.where(wide.ref, fresh.ref, codebook),
    codeSums: np.where(wide, fresh.mul(start.ref), codeSums),
    clusterSize: np.where(dead, start, clusterSize),
  };
}

/**
 * `count` rows of `vectors` in random order, without repetition as far as the usable rows go.
 *
 * @returns the rows `[count, C]`
 */
export function drawRows({ vectors, indices, key }: RowsToDraw, count: number): DrawnRows {
  const N = vectors.shape[0] as number;
  const usable = asNumbers(present(indices)); // [N]
  const total = np.sum(usable.ref); // []
  // Usable rows first, each part in random order.
  const order = np.argsort(random.uniform(key, [N]).sub(usable)); // [N]
  const turn = np.arange(count).astype(np.float32); // [count]
  const round = np.floor(turn.ref.div(np.maximum(total.ref, 1)));
  const place = turn.sub(round.mul(total.ref)).astype(np.int32);
  return {
    rows: np.take(vectors, np.take(order, place, 0), 0), // [count, C]
    any: total.greater(0), // []
  };
}

/** What `drawRows` draws from, on the host. */
export interface HostRows {
  /** `[N, C]` */
  readonly vectors: Float32Array;
  /** `[N]`; rows with -1 are never drawn. */
  readonly indices: Int32Array;
  /** What `random.uniform` draws for the key, `[N]`. */
  readonly turns: Float32Array;
}

/** The rows that `drawRows` draws: of the numbers that it sorts, only the least are. */
export function drawOnHost({ vectors, indices, turns }: HostRows, count: number): DrawnRows {
  const N = indices.length;
  const C = vectors.length / N;
  let total = 0;
  for (let n = 0; n < N; n++) if ((indices[n] as number) >= 0) total++;
  const wanted = Math.min(count, total);
  const below = (limit: number) => {
    const found: number[] = [];
    for (let n = 0; n < N; n++) {
      if ((turns[n] as number) < limit && (indices[n] as number) >= 0) found.push(n);
    }
    return found;
  };
  // Where so many are expected, enough are nearly always.
  let order = below((wanted + 4 * Math.sqrt(wanted) + 16) / total);
  if (order.length < wanted) order = below(1);
  order.sort((a, b) => (turns[a] as number) - (turns[b] as number));
  const rows = new Float32Array(count * C);
  for (let k = 0; k < count && total > 0; k++) {
    const n = order[k % total] as number;
    rows.set(vectors.subarray(n * C, (n + 1) * C), k * C);
  }
  return { rows: np.array(rows, { shape: [count, C] }), any: np.array(total > 0) };
}
