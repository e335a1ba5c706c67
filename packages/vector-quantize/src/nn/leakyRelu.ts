import { numpy as np } from "@jax-js/jax";
import { number } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { activationWork } from "./activations.ts";
import { type Layer, type NoParams, noParameters } from "./layer.ts";
import { itsOwnPixel } from "./reach.ts";

/** Options of `leakyRelu`. */
export class LeakyReluOptions {
  /** Slope below 0. Default 0.01. */
  readonly slope?: number = number(0.01);
}

const table = optionTable<LeakyReluOptions>("leakyRelu", [LeakyReluOptions]);

/**
 * `x` above 0, else `slope x`.
 *
 * Source: Maas et al., "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.
 */
export function leakyRelu(given: LeakyReluOptions = {}): Layer<NoParams> {
  const { options, config } = table.read(given);
  return {
    config,
    init: noParameters,
    apply: (_params, x) => np.where(x.ref.greater(0), x.ref, x.mul(options.slope)),
    work: (shape) => activationWork("leakyRelu", shape, options.slope),
    reach: itsOwnPixel,
  };
}
