import { numpy as np } from "@jax-js/jax";
import { number } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { activationWork } from "./activations.ts";
import { type Layer, type NoParams, noParameters } from "./layer.ts";
import { itsOwnPixel } from "./reach.ts";

/** Options of `elu`. */
export class EluOptions {
  /** What large negative inputs tend to, negated. Default 1. */
  readonly alpha?: number = number(1);
}

const table = optionTable<EluOptions>("elu", [EluOptions]);

/**
 * `x` above 0, else `alpha (exp(x) - 1)`.
 *
 * Source: Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units (ELUs)",
 * 2015, https://arxiv.org/abs/1511.07289.
 */
export function elu(given: EluOptions = {}): Layer<NoParams> {
  const { options, config } = table.read(given);
  return {
    config,
    init: noParameters,
    apply(_params, x) {
      // The branch that is not taken must be finite too, and so must its gradient.
      const below = np.expm1(np.minimum(x.ref, 0)).mul(options.alpha);
      return np.where(x.ref.greater(0), x, below);
    },
    work: (shape) => activationWork("elu", shape, options.alpha),
    reach: itsOwnPixel,
  };
}
