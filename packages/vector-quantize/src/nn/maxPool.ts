import { numpy as np } from "@jax-js/jax";
import type { Layer, NoParams } from "./layer.ts";
import { poolLayer, type WindowOptions, windowPixels } from "./pooling.ts";

/** Options of `maxPool`. */
export type MaxPoolOptions = WindowOptions;

/**
 * The largest value of each window: images `[B, H, W, C]` to `[B, H', W', C]`, or series `[B, T, C]` to
 * `[B, T', C]`, with `H' = floor((H - window) / stride) + 1`.
 *
 * The gradient goes to the first of equal values, row by row, as in PyTorch.
 *
 * @throws VectorQuantizeError for images or series that the windows don't fill, or that are smaller
 *   than one
 */
export function maxPool(given: MaxPoolOptions = {}): Layer<NoParams> {
  return poolLayer("maxPool", given, (x, axes) => windowPixels(x, axes).reduce(laterIfLarger));
}

/** `b` where `a` is less, else `a`; the gradient goes the same way. NaN in either comes out. */
function laterIfLarger(a: np.Array, b: np.Array): np.Array {
  const keep = np.logicalOr(np.greaterEqual(a.ref, b.ref), np.isnan(a.ref));
  return np.where(keep, a, b);
}
