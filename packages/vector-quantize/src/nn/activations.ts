import { lax, nn, numpy as np } from "@jax-js/jax";
import type { ActivationWork } from "../kernels/layers/activation.ts";
import { type Layer, type NoParams, noParameters } from "./layer.ts";
import { itsOwnPixel } from "./reach.ts";

/** `max(x, 0)`. */
export function relu(): Layer<NoParams> {
  return elementwise("relu", (x) => nn.relu(x));
}

/**
 * `x * P(Z < x)` for a standard normal `Z`: the exact form `x / 2 * (1 + erf(x / sqrt(2)))`, as
 * PyTorch's default.
 *
 * Source: Hendrycks & Gimpel, "Gaussian Error Linear Units", 2016, https://arxiv.org/abs/1606.08415.
 */
export function gelu(): Layer<NoParams> {
  return elementwise("gelu", (x) => x.ref.mul(0.5).mul(lax.erf(x.mul(Math.SQRT1_2)).add(1)));
}

/** `x * sigmoid(x)`, also called swish. */
export function silu(): Layer<NoParams> {
  return elementwise("silu", (x) => nn.silu(x));
}

/** `1 / (1 + exp(-x))`. */
export function sigmoid(): Layer<NoParams> {
  return elementwise("sigmoid", (x) => nn.sigmoid(x));
}

/** Hyperbolic tangent. */
export function tanh(): Layer<NoParams> {
  return elementwise("tanh", (x) => np.tanh(x));
}

function elementwise(
  type: ActivationWork["name"],
  apply: (x: np.Array) => np.Array,
): Layer<NoParams> {
  return {
    config: { type },
    init: noParameters,
    apply: (_params, x) => apply(x),
    work: (shape) => activationWork(type, shape),
    reach: itsOwnPixel,
  };
}

/** What an elementwise function computes, for kernels. */
export function activationWork(
  name: ActivationWork["name"],
  shape: readonly number[],
  factor?: number,
): ActivationWork {
  const shapes = { inputShape: shape, outputShape: shape };
  return { kind: "activation", name, ...shapes, ...(factor !== undefined && { factor }) };
}
