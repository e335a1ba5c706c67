import { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import { integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import type { Layer } from "./layer.ts";
import { itsOwnPixel } from "./reach.ts";

/** Options of `snake`. */
export class SnakeOptions {
  /** Channels of the input. */
  readonly channels: number = integer();
}

const table = optionTable<SnakeOptions>("snake", [SnakeOptions]);

/** Parameters of `snake`. */
export type SnakeParams = {
  alpha: np.Array; // [channels]
};

/**
 * `x + sin(alpha x)^2 / (alpha + 1e-9)` over the last axis, with an `alpha` for each channel that starts
 * at 1: grows with `x`, and has a period. `alpha` is that of DAC's `Snake1d`, `[1, C, 1]`, as `[C]`.
 *
 * Source: Ziyin et al., "Neural Networks Fail to Learn Periodic Functions and How to Fix It", 2020,
 * https://arxiv.org/abs/2006.08195; the 1e-9 is Descript Audio Codec's.
 *
 * @throws VectorQuantizeError for an input of other channels
 */
export function snake(given: SnakeOptions): Layer<SnakeParams> {
  const { options, config } = table.read(given);
  const { channels } = options;
  return {
    config,
    reach: itsOwnPixel,
    init(key) {
      key.dispose();
      return { alpha: np.ones([channels]) };
    },
    apply({ alpha }, x) {
      checkInput(x.shape);
      const wave = np.square(np.sin(x.ref.mul(alpha.ref)));
      return x.add(wave.mul(np.reciprocal(alpha.add(1e-9))));
    },
    work(shape) {
      checkInput(shape);
      return { kind: "snake", inputShape: shape, outputShape: shape };
    },
  };

  function checkInput(shape: readonly number[]): void {
    if (shape.at(-1) === channels) return;
    throw expected("snake: input", `[..., ${channels}]`, shape);
  }
}
