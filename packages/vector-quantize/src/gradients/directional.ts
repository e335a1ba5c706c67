import { lax, numpy as np, random } from "@jax-js/jax";
import { normalise } from "../search/graph.ts";

/**
 * Directional reparametrisation (DiVeQ): `x + sg(d / |d|) |q - x|` with
 * `d = (q - x) + sqrt(variance) noise`. The value lies near the code, at its distance from `x`; the
 * gradient of the length reaches both the vector and its code.
 *
 * @param x vectors `[N, D]`
 * @param codes their codes `[N, D]`
 * @param variance of the noise on the direction
 *
 * Source: Vali et al., "DiVeQ: Differentiable Vector Quantization Using the Reparameterization
 * Trick", 2025, figure 1, https://openreview.net/forum?id=KRVnpTbx7R
 */
export function directionalReparametrisation(
  x: np.Array,
  codes: np.Array,
  variance: number,
  key: np.Array,
): np.Array {
  const error = codes.sub(x.ref); // [N, D]
  const noise = random.normal(key, error.shape).mul(Math.sqrt(variance));
  const direction = normalise(lax.stopGradient(error.ref).add(noise));
  const squared = np.sum(np.square(error), -1, { keepdims: true }); // [N, 1]
  // The length has no gradient at 0; its square root would have an infinite one.
  const some = squared.ref.greater(0);
  const length = np.where(some.ref, np.sqrt(np.where(some, squared, 1)), 0);
  return x.add(lax.stopGradient(direction).mul(length));
}
