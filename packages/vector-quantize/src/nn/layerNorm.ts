import { numpy as np } from "@jax-js/jax";
import { checkInteger, checkKnownOptions, checkNumber, expected } from "../errors.ts";
import type { Layer } from "./layer.ts";

/** Options of `layerNorm`. */
export interface LayerNormOptions {
  readonly features: number;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
}

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
export function layerNorm(options: LayerNormOptions): Layer<LayerNormParams> {
  const { features, eps = 1e-5 } = options;
  checkKnownOptions("layerNorm", options, ["features", "eps"]);
  checkInteger("layerNorm: features", features);
  checkNumber("layerNorm: eps", eps, 0);

  return {
    config: { type: "layerNorm", ...options },
    init(key) {
      key.dispose();
      return { weight: np.ones([features]), bias: np.zeros([features]) };
    },
    apply({ weight, bias }, x) {
      if (x.shape.at(-1) !== features) {
        throw expected("layerNorm: input", `[..., ${features}]`, x.shape);
      }
      const mean = np.mean(x.ref, -1, { keepdims: true });
      const centred = x.sub(mean);
      const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
      return centred
        .mul(np.reciprocal(np.sqrt(variance.add(eps))))
        .mul(weight)
        .add(bias);
    },
  };
}
