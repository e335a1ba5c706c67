import { numpy as np, random } from "@jax-js/jax";
import { checkHolds, expected } from "../errors.ts";
import { flag, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { settled } from "../tracing.ts";
import { linearWork } from "./convolutionWork.ts";
import { uniformFanIn } from "./initialise.ts";
import type { Layer } from "./layer.ts";

/** Options of `linear`. */
export class LinearOptions {
  /** Features of the input. */
  readonly inFeatures: number = integer();
  /** Features of the output. */
  readonly outFeatures: number = integer();
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean = flag(true);
}

const table = optionTable<LinearOptions>(
  "linear",
  [LinearOptions],
  [({ inFeatures, outFeatures }, where) => checkHolds(where, "weight", inFeatures, outFeatures)],
);

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
export function linear(given: LinearOptions): Layer<LinearParams> {
  const { options, config } = table.read(given);
  const { inFeatures, outFeatures, bias } = options;

  return {
    config,

    init(key) {
      const [weightKey, biasKey] = [...random.split(key)] as [np.Array, np.Array];
      const weight = uniformFanIn(weightKey, [inFeatures, outFeatures], inFeatures);
      if (bias) return { weight, bias: uniformFanIn(biasKey, [outFeatures], inFeatures) };
      biasKey.dispose();
      return { weight };
    },

    apply(params, x) {
      const { shape } = x;
      checkInput(shape);
      const y = np.matmul(x.reshape([-1, inFeatures]), params.weight); // [N, out]
      // Settled, because a bias that is fused into the product is added number by number.
      const shifted = params.bias ? settled(y).add(params.bias) : y;
      return shifted.reshape([...shape.slice(0, -1), outFeatures]);
    },

    work(shape) {
      checkInput(shape);
      return linearWork(shape, outFeatures, bias);
    },
  };

  function checkInput(shape: readonly number[]): void {
    if (shape.at(-1) !== inFeatures) {
      throw expected("linear: input", `[..., ${inFeatures}]`, shape);
    }
  }
}
