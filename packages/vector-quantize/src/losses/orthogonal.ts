import { numpy as np, random } from "@jax-js/jax";
import { normalise } from "../search/graph.ts";
import { asNumbers, int32 } from "../tracing.ts";

/**
 * How far from orthogonal the codes are: `sum_ij cos(c_i, c_j)^2 / n^2 - 1/n` over the `n` counted
 * codes.
 *
 * @param codebook `[K, C]`
 * @param counted which codes count, 0 or 1, `[K]`
 * @returns scalar, 0 if no code counts
 *
 * Source: Shin et al., "Translation-equivariant Image Quantizer for Bi-directional Image-Text
 * Generation", 2021, equation 2, https://arxiv.org/abs/2112.00384
 */
export function orthogonalLoss(codebook: np.Array, counted: np.Array): np.Array {
  const unit = normalise(codebook).mul(counted.ref.reshape([-1, 1])); // [K, C]
  // sum_ij (u_i . u_j)^2 = sum_cd (U^T U)_cd^2: C x C numbers in place of K x K.
  const gram = np.matmul(unit.ref.transpose(), unit); // [C, C]
  const total = np.sum(counted); // []
  const n = np.maximum(total.ref, 1);
  const loss = np.sum(np.square(gram)).div(np.square(n.ref)).sub(np.reciprocal(n));
  return np.where(total.greater(0), loss, 0);
}

/** 1 for each code that some index names, else 0: `[K]`. */
export function activeCodes(indices: np.Array, K: number): np.Array {
  const named = indices.reshape([-1, 1]).equal(np.arange(K)); // [M, K]
  // Not `np.any(...)`: jax-js cannot turn a bool that it just reduced into a float.
  return np.max(asNumbers(named), 0);
}

/** At most `most` of the counted codes, drawn at random: 0 or 1, `[K]`. */
export function someCodes(counted: np.Array, most: number, key: np.Array): np.Array {
  const K = counted.shape[0] as number;
  const order = np.argsort(random.uniform(key, [K]).sub(counted.ref)); // counted ones first
  const rank = np.argsort(order); // [K]
  return asNumbers(rank.less(int32(most))).mul(counted);
}
