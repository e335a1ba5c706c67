import { numpy as np } from "@jax-js/jax";
import { integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { checkImages, mostSide } from "./images.ts";
import { type Layer, type NoParams, noParameters } from "./layer.ts";
import { blocks } from "./reach.ts";

/** Options of `upsample`. */
export class UpsampleOptions {
  /** How many times larger each side becomes. Default 2. */
  readonly factor?: number = integer(2, 1, mostSide);
}

const table = optionTable<UpsampleOptions>("upsample", [UpsampleOptions]);

/**
 * Enlarges images by repeating pixels (nearest neighbour): `[B, H, W, C]` to `[B, fH, fW, C]`.
 *
 * In front of a convolution, `conv2d({ upsample })` does the same in less time.
 */
export function upsample(given: UpsampleOptions = {}): Layer<NoParams> {
  const { options, config } = table.read(given);
  const { factor } = options;

  return {
    config,
    reach: blocks({ up: factor }),
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
    work(shape) {
      const { batch, height, width, channels } = checkImages("upsample", shape);
      const outputShape = [batch, height * factor, width * factor, channels];
      const shapes = { inputShape: shape, outputShape };
      return { kind: "windows", name: "upsample", ...shapes, window: [factor, factor] };
    },
  };
}
