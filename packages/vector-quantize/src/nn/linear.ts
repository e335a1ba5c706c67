import { checkHolds, expected } from "../errors.ts";
import { applyLinear, initLinear, type LinearMap } from "../layout/linear.ts";
import { flag, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { linearWork } from "./convolutionWork.ts";
import type { Layer } from "./layer.ts";
import { itsOwnPixel } from "./reach.ts";

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
export type LinearParams = LinearMap;

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
    reach: itsOwnPixel,

    init: (key) => initLinear(key, inFeatures, outFeatures, bias),

    apply(params, x) {
      const { shape } = x;
      checkInput(shape);
      const y = applyLinear(x.reshape([-1, inFeatures]), params); // [N, out]
      return y.reshape([...shape.slice(0, -1), outFeatures]);
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
