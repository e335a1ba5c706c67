import { numpy as np, random } from "@jax-js/jax";
import { checkInteger, checkKnownOptions, expected } from "../errors.ts";
import { settled } from "../tracing.ts";
import { uniformFanIn } from "./initialise.ts";
import type { Layer } from "./layer.ts";

/** Options of `linear`. */
export interface LinearOptions {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean;
}

/** Parameters of `linear`. */
export type LinearParams = {
  weight: np.Array; // [in, out]
  bias?: np.Array; // [out]
};

/**
 * `y = x W + b` over the last axis: `[..., in]` to `[..., out]`.
 *
 * One matrix product, whatever the leading axes. The weight is the transpose of PyTorch's.
 */
export function linear(options: LinearOptions): Layer<LinearParams> {
  const { inFeatures, outFeatures, bias = true } = options;
  checkKnownOptions("linear", options, ["inFeatures", "outFeatures", "bias"]);
  checkInteger("linear: inFeatures", inFeatures);
  checkInteger("linear: outFeatures", outFeatures);

  return {
    config: { type: "linear", ...options },

    init(key) {
      const [weightKey, biasKey] = [...random.split(key)] as [np.Array, np.Array];
      const weight = uniformFanIn(weightKey, [inFeatures, outFeatures], inFeatures);
      if (bias) return { weight, bias: uniformFanIn(biasKey, [outFeatures], inFeatures) };
      biasKey.dispose();
      return { weight };
    },

    apply(params, x) {
      const { shape } = x;
      if (shape.at(-1) !== inFeatures) {
        throw expected("linear: input", `[..., ${inFeatures}]`, shape);
      }
      const y = np.matmul(x.reshape([-1, inFeatures]), params.weight); // [N, out]
      // Settled, because a bias that is fused into the product is added number by number.
      const shifted = params.bias ? settled(y).add(params.bias) : y;
      return shifted.reshape([...shape.slice(0, -1), outFeatures]);
    },
  };
}
