import { numpy as np } from "@jax-js/jax";
import { checkInteger, checkKnownOptions } from "../errors.ts";
import { checkImages } from "./images.ts";
import { type Layer, type NoParams, noParameters } from "./layer.ts";

/** Options of `upsample`. */
export interface UpsampleOptions {
  /** How many times larger each side becomes. Default 2. */
  readonly factor?: number;
}

/**
 * Enlarges images by repeating pixels (nearest neighbour): `[B, H, W, C]` to `[B, fH, fW, C]`.
 *
 * In front of a convolution, `conv2d({ upsample })` does the same in less time.
 */
export function upsample(options: UpsampleOptions = {}): Layer<NoParams> {
  const { factor = 2 } = options;
  checkKnownOptions("upsample", options, ["factor"]);
  checkInteger("upsample: factor", factor);

  return {
    config: { type: "upsample", ...options },
    init: noParameters,
    apply(_params, x) {
      const { batch, height, width, channels } = checkImages("upsample", x.shape);
      const repeated = np.broadcastTo(x.reshape([batch, height, 1, width, 1, channels]), [
        batch,
        height,
        factor,
        width,
        factor,
        channels,
      ]);
      return repeated.reshape([batch, height * factor, width * factor, channels]);
    },
  };
}
