import { numpy as np } from "@jax-js/jax";
import { checkInteger, checkKnownOptions } from "../errors.ts";
import { checkDivides, checkImages } from "./images.ts";
import { type Layer, type NoParams, noParameters } from "./layer.ts";

/** Options of `maxPool`. */
export interface MaxPoolOptions {
  /** Side of a window, and the step to the next. Default 2. */
  readonly window?: number;
}

/**
 * The largest value of each square window: `[B, H, W, C]` to `[B, H/w, W/w, C]`.
 *
 * The gradient goes to the first of equal values, row by row, as in PyTorch.
 */
export function maxPool(options: MaxPoolOptions = {}): Layer<NoParams> {
  const { window = 2 } = options;
  checkKnownOptions("maxPool", options, ["window"]);
  checkInteger("maxPool: window", window);

  return {
    config: { type: "maxPool", ...options },
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
