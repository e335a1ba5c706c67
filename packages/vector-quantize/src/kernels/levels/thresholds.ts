import { floatOf, keyOf } from "./floatKeys.ts";

/** Level of a float32 value, of `count` levels; must not fall as `x` rises. */
export type LevelOf = (x: number, count: number) => number;

/**
 * The smallest float32 of every level above the first, by bisection over all float32 values; NaN for
 * a level that is never reached.
 */
export function thresholdsOf(levelOf: LevelOf, count: number): Float32Array {
  const found = new Float32Array(count - 1).fill(Number.NaN);
  /** Levels from `first` to before `end`, whose thresholds lie beyond `below` and not beyond `above`. */
  const search = (first: number, end: number, below: number, above: number): void => {
    if (first >= end) return;
    const wanted = Math.floor((first + end) / 2);
    let [low, high] = [below, above];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (levelOf(floatOf(middle), count) >= wanted) high = middle;
      else low = middle;
    }
    found[wanted - 1] = floatOf(high);
    search(first, wanted, below, high);
    search(wanted + 1, end, low, above);
  };
  const most = Math.min(levelOf(Number.POSITIVE_INFINITY, count), count - 1);
  search(1, most + 1, keyOf(Number.NEGATIVE_INFINITY), keyOf(Number.POSITIVE_INFINITY));
  return found;
}
