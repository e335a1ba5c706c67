import { type numpy as np, random } from "@jax-js/jax";

/**
 * Uniform in `[-1/sqrt(fanIn), 1/sqrt(fanIn))`: what PyTorch's linear and convolution layers start
 * from (Kaiming uniform with `a = sqrt(5)`), weights and biases alike. Takes `key`.
 */
export function uniformFanIn(key: np.Array, shape: number[], fanIn: number): np.Array {
  const bound = 1 / Math.sqrt(fanIn);
  return random.uniform(key, shape, { minval: -bound, maxval: bound });
}
