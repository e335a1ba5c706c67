import type { numpy as np } from "@jax-js/jax";
import { oneRow } from "./axis.ts";
import type { Axes } from "./convolution.ts";
import type { Layer, NoParams } from "./layer.ts";
import { poolLayer, type WindowOptions, windowPixels } from "./pooling.ts";

/** Options of `avgPool`. */
export type AvgPoolOptions = WindowOptions;

/**
 * The mean of each window: images `[B, H, W, C]` to `[B, H', W', C]`, or series `[B, T, C]` to
 * `[B, T', C]`, with `H' = floor((H - window) / stride) + 1`.
 *
 * @throws VectorQuantizeError for images or series that the windows don't fill, or that are smaller
 *   than one
 */
export function avgPool(given: AvgPoolOptions = {}): Layer<NoParams> {
  // Row by row, then column by column: as many sums as a window is high and wide, not as it has pixels.
  return poolLayer("avgPool", given, (x, [down, across]) =>
    means(means(x, [oneRow, across]), [down, oneRow]),
  );
}

function means(x: np.Array, axes: Axes): np.Array {
  const pixels = windowPixels(x, axes);
  return pixels.reduce((sum, pixel) => sum.add(pixel)).mul(1 / pixels.length);
}
