import { lax, type numpy as np } from "@jax-js/jax";

/**
 * The codes in value, the identity in gradient: `sg(q) + (x - sg(x))`.
 *
 * The value is the code to the last bit, so training and decoding see the same numbers.
 *
 * @param x vectors `[N, D]`, which get the whole gradient
 * @param codes their codes `[N, D]`, which get none
 *
 * Source: Bengio et al., "Estimating or Propagating Gradients Through Stochastic Neurons", 2013,
 * https://arxiv.org/abs/1308.3432
 */
export function straightThrough(x: np.Array, codes: np.Array): np.Array {
  return lax.stopGradient(codes).add(x.ref.sub(lax.stopGradient(x)));
}
