import { nn, numpy as np } from "@jax-js/jax";
import { asNumbers } from "../tracing.ts";

/**
 * Negative entropy of how the vectors spread over the codes: `sum_k p_k log p_k` with
 * `p = mean_n softmax(temperature * similarities_n)`. Least when all codes are used alike.
 *
 * Every real vector counts alike, whatever axis it stands on; the reference averages over the batch
 * axis alone.
 *
 * @param similarities `[M, K]`
 * @param temperature larger is sharper
 * @param mask real vectors, bool `[M]`
 */
export function diversityLoss(
  similarities: np.Array,
  temperature: number,
  mask: np.Array | undefined,
): np.Array {
  const shares = nn.softmax(similarities.mul(temperature), 1); // [M, K]
  const weights = mask ? asNumbers(mask) : np.ones([shares.shape[0] as number]);
  const total = np.maximum(np.sum(weights.ref), 1);
  const mean = np.sum(shares.mul(weights.reshape([-1, 1])), 0).div(total); // [K]
  return np.sum(mean.ref.mul(np.log(np.maximum(mean, 1e-5))));
}
