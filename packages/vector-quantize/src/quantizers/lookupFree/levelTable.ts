import { numpy as np } from "@jax-js/jax";
import { type LevelOf, thresholdsOf } from "../../kernels/levels/thresholds.ts";
import { asNumbers } from "../../tracing.ts";

/** Up to so many levels all thresholds are compared; then the one that is next to a position. */
const COMPARED_LEVELS = 24;
/** Numbers of a table of thresholds. */
const MOST_NUMBERS = 2 ** 20;

/** Levels by thresholds, which are the kernels' as well: the same ones on every device. */
export interface LevelTable {
  /** The levels of finite values `[..., d]`, int32. */
  level(z: np.Array): np.Array;
  /** `levels[d] - 1` for each dimension, one after the other; none where they would be too many. */
  readonly thresholds?: () => Float32Array;
}

/**
 * The levels that `levelOf` gives float32 values, in a graph: how many thresholds are at most `z`.
 *
 * A device's own functions are only near the rule, and may fall where it rises.
 *
 * @param levelOf reaches all levels
 * @param position of `[..., d]` among the levels: between `k` and `k + 1` for level `k`, but for rounding
 */
export function levelTable(
  levels: readonly number[],
  levelOf: LevelOf,
  position: (z: np.Array) => np.Array,
): LevelTable {
  const most = Math.max(...levels);
  if (most * levels.length > MOST_NUMBERS) {
    return { level: (z) => within(levels, np.floor(position(z))) };
  }
  let made: Float32Array[] | undefined;
  const rows = () => {
    made ??= levels.map((count) => thresholdsOf(levelOf, count));
    return made;
  };
  return {
    thresholds: () => Float32Array.from(rows().flatMap((row) => [...row])),
    level: (z) =>
      most > COMPARED_LEVELS
        ? nextLevel(z, position(z.ref), levels, rows())
        : comparedLevel(z, levels, rows()),
  };
}

/** The nearest of the levels `[..., d]`, int32. */
export function within(levels: readonly number[], level: np.Array): np.Array {
  return np.clip(level, 0, lastOf(levels)).astype(np.int32);
}

const lastOf = (levels: readonly number[]) =>
  np.array(Float32Array.from(levels, (count) => count - 1));

/** Levels by comparisons with all thresholds `[d][levels - 1]`. */
function comparedLevel(
  z: np.Array,
  levels: readonly number[],
  rows: readonly Float32Array[],
): np.Array {
  const width = Math.max(...levels) - 1;
  const table = new Float32Array(width * levels.length).fill(Number.NEGATIVE_INFINITY);
  for (const [d, row] of rows.entries()) table.set(row, d * width);
  const cuts = np.array(table, { shape: [levels.length, width] });
  const below = np.sum(asNumbers(np.expandDims(z, -1).less(cuts)), -1); // [..., d]
  return lastOf(levels).sub(below).astype(np.int32);
}

/** Levels by comparison with the threshold that is next to each position. */
function nextLevel(
  z: np.Array,
  position: np.Array,
  levels: readonly number[],
  rows: readonly Float32Array[],
): np.Array {
  // Those of each dimension, with one before them and some behind.
  const width = Math.max(...levels) + 1;
  const table = new Float32Array(width * levels.length).fill(Number.POSITIVE_INFINITY);
  for (const [d, row] of rows.entries()) {
    table.set([Number.NEGATIVE_INFINITY, ...row], d * width);
  }
  const next = np.clip(np.round(position), 0, lastOf(levels).add(1)).astype(np.int32);
  const starts = np.array(Int32Array.from(levels, (_, d) => d * width));
  const cut = np.take(np.array(table), next.ref.add(starts), 0);
  return next.sub(z.less(cut).astype(np.int32));
}
