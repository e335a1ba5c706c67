import { numpy as np, random } from "@jax-js/jax";
import { share } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { asNumbers } from "../tracing.ts";
import { keyMissing, type Layer, type NoParams, noParameters } from "./layer.ts";
import { itsOwnPixel } from "./reach.ts";

/** Options of `dropout`. */
export class DropoutOptions {
  /** Share of the numbers that training makes 0. Default 0.5. */
  readonly rate?: number = share(0.5);
}

const table = optionTable<DropoutOptions>("dropout", [DropoutOptions]);

/**
 * In training each number is made 0 with probability `rate`, or else divided by `1 - rate`; evaluation
 * gives the input. As PyTorch's `Dropout(p)`. Training wants a key: the trainer gives one.
 *
 * Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
 */
export function dropout(given: DropoutOptions = {}): Layer<NoParams> {
  const { options, config } = table.read(given);
  const { rate } = options;
  const scale = rate < 1 ? 1 / (1 - rate) : 0;
  return {
    config,
    reach: itsOwnPixel,
    init: noParameters,
    apply: (_params, x) => x,
    train(_params, x, { key }) {
      if (!key) throw keyMissing("dropout");
      const kept = asNumbers(np.less(random.uniform(key, x.shape), 1 - rate));
      return [x.mul(kept.mul(scale)), {}];
    },
    draws: true,
    work: (shape) => ({ kind: "dropout", inputShape: shape, outputShape: shape, rate }),
  };
}
