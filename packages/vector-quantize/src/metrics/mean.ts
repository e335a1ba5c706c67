import { numpy as np } from "@jax-js/jax";

/**
 * Mean of all elements as a traced scalar, axis by axis.
 *
 * jax-js adds float32 numbers up one after the other. Over a batch of images such a sum is off in the
 * fourth digit, and runs on one thread; sums of sums are neither. Takes ownership of `x`.
 */
export function meanInGraph(x: np.Array): np.Array {
  const { shape } = x;
  // A last axis of channels is too short to be worth a sum of its own.
  let mean = shape.length > 2 ? x.reshape([...shape.slice(0, -2), -1]) : x;
  while (mean.ndim > 0) mean = np.mean(mean, -1);
  return mean;
}
