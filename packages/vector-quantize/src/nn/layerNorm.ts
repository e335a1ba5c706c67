import { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import { atLeastZero, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import type { Layer } from "./layer.ts";
import { itsOwnPixel } from "./reach.ts";

/** Options of `layerNorm`. */
export class LayerNormOptions {
  /** Features of the input. */
  readonly features: number = integer();
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number = atLeastZero(1e-5);
}

const table = optionTable<LayerNormOptions>("layerNorm", [LayerNormOptions]);

/** Parameters of `layerNorm`. */
export type LayerNormParams = {
  weight: np.Array; // [features]
  bias: np.Array; // [features]
};

/**
 * `(x - mean) / sqrt(variance + eps) * weight + bias` over the last axis, with the variance over all
 * features (not one less). Starts with weight 1 and bias 0.
 *
 * Source: Ba et al., "Layer Normalization", 2016, https://arxiv.org/abs/1607.06450.
 */
export function layerNorm(given: LayerNormOptions): Layer<LayerNormParams> {
  const { options, config } = table.read(given);
  const { features, eps } = options;

  return {
    config,
    reach: itsOwnPixel,
    init(key) {
      key.dispose();
      return { weight: np.ones([features]), bias: np.zeros([features]) };
    },
    apply({ weight, bias }, x) {
      checkInput(x.shape);
      const mean = np.mean(x.ref, -1, { keepdims: true });
      const centred = x.sub(mean);
      const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
      return centred
        .mul(np.reciprocal(np.sqrt(variance.add(eps))))
        .mul(weight)
        .add(bias);
    },
    work(shape) {
      checkInput(shape);
      const images = shape.slice(0, -1).reduce((product, size) => product * size, 1);
      const shapes = { inputShape: shape, outputShape: shape };
      return { kind: "normalize", ...shapes, images, positions: 1, groups: 1, eps };
    },
  };

  function checkInput(shape: readonly number[]): void {
    if (shape.at(-1) !== features) {
      throw expected("layerNorm: input", `[..., ${features}]`, shape);
    }
  }
}
