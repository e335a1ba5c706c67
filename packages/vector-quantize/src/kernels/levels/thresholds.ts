import { floatOf, keyOf } from "./floatKeys.ts";

/** Level of a float32 value, of `count` levels; must not fall as `x` rises. */
export type LevelOf = (x: number, count: number) => number;

/**
 * The smallest float32 of every level above the first, by bisection over all float32 values; NaN for
 * a level that is never reached.
 */
export function thresholdsOf(levelOf: LevelOf, count: number): Float32Array {
  const found = new Float32Array(count - 1).fill(Number.NaN);
  const last = Math.min(levelOf(Number.POSITIVE_INFINITY, count), count - 1);
  for (let level = 1; level <= last; level++) {
    let below = keyOf(Number.NEGATIVE_INFINITY);
    let above = keyOf(Number.POSITIVE_INFINITY);
    while (above - below > 1) {
      const middle = Math.floor((above + below) / 2);
      if (levelOf(floatOf(middle), count) >= level) above = middle;
      else below = middle;
    }
    found[level - 1] = floatOf(above);
  }
  return found;
}
