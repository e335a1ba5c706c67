import { numpy as np } from "@jax-js/jax";
import { integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { checkDivides, checkImages, mostSide } from "./images.ts";
import { type Layer, type NoParams, noParameters } from "./layer.ts";

/** Options of `maxPool`. */
export class MaxPoolOptions {
  /** Side of a window, and the step to the next. Default 2. */
  readonly window?: number = integer(2, 1, mostSide);
}

const table = optionTable<MaxPoolOptions>("maxPool", [MaxPoolOptions]);

/**
 * The largest value of each square window: `[B, H, W, C]` to `[B, H/w, W/w, C]`.
 *
 * The gradient goes to the first of equal values, row by row, as in PyTorch.
 */
export function maxPool(given: MaxPoolOptions = {}): Layer<NoParams> {
  const { options, config } = table.read(given);
  const { window } = options;

  return {
    config,
    init: noParameters,
    apply(_params, x) {
      const image = checkImages("maxPool", x.shape);
      checkDivides("maxPool", "window", window, image);
      const { batch, height, width, channels } = image;
      const cut = x.reshape([batch, height / window, window, width / window, window, channels]);
      let largest: np.Array | undefined;
      for (let i = 0; i < window; i++) {
        for (let j = 0; j < window; j++) {
          const value = cut.ref.slice([], [], i, [], j, []); // [B, H/w, W/w, C]
          largest = largest ? laterIfLarger(largest, value) : value;
        }
      }
      cut.dispose();
      return largest as np.Array;
    },
  };
}

/** `b` where `a` is less, else `a`; the gradient goes the same way. NaN in either comes out. */
function laterIfLarger(a: np.Array, b: np.Array): np.Array {
  const keep = np.logicalOr(np.greaterEqual(a.ref, b.ref), np.isnan(a.ref));
  return np.where(keep, a, b);
}
