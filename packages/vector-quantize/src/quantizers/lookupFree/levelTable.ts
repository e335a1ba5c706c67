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
    level(z) {
      const width = most - 1;
      const table = new Float32Array(width * levels.length).fill(Number.POSITIVE_INFINITY);
      for (const [d, row] of rows().entries()) table.set(row, d * width); // [d, levels - 1]
      if (most <= COMPARED_LEVELS) {
        const cuts = np.array(table, { shape: [levels.length, width] });
        const below = asNumbers(np.expandDims(z, -1).less(cuts)); // [..., d, levels - 1]
        return np.sum(below, -1).neg().add(width).astype(np.int32);
      }
      const next = np.clip(np.round(position(z.ref)), 1, lastOf(levels)).astype(np.int32);
      const places = np.array(Int32Array.from(levels, (_, d) => d * width - 1));
      const cuts = np.take(np.array(table), next.ref.add(places), 0);
      return next.sub(z.less(cuts).astype(np.int32));
    },
  };
}

/** The nearest of the levels `[..., d]`, int32. */
export function within(levels: readonly number[], level: np.Array): np.Array {
  return np.clip(level, 0, lastOf(levels)).astype(np.int32);
}

/** The highest level of each dimension, in float32. */
export const lastOf = (levels: readonly number[]) =>
  np.array(Float32Array.from(levels, (count) => count - 1));
