import { lax, numpy as np } from "@jax-js/jax";
import { asNumbers, present } from "../tracing.ts";
import { firstLargest } from "./firstLargest.ts";

/**
 * The `k` most similar codes of each vector, the most similar first; equals go to the lower index.
 *
 * @param similarities `[M, K]`, finite
 * @returns int32 `[M, k]`
 */
export function topIndices(similarities: np.Array, k: number): np.Array {
  // k rounds of argmax: jax-js's own topK sorts every row, which takes ten times as long.
  let left = lax.stopGradient(similarities);
  const K = left.shape[1] as number;
  const found: np.Array[] = [];
  for (let round = 0; round < k; round++) {
    const best = firstLargest(left.ref); // [M]
    found.push(best.ref);
    left = np.where(best.reshape([-1, 1]).equal(np.arange(K)), Number.NEGATIVE_INFINITY, left);
  }
  left.dispose();
  return np.stack(found, 1);
}

/** `-|x - c + 1e-6|` of each vector `[M, C]` to codes of its own `[M, K, C]`: `[M, K]`. */
export function similaritiesToOwn(x: np.Array, codes: np.Array): np.Array {
  const gap = np.expandDims(x, 1).sub(codes).add(1e-6); // [M, K, C]
  return np.sqrt(np.sum(np.square(gap), -1)).neg();
}

/** Each vector's code out of codes of its own: `[M, K, C]` at int32 `[M]` is `[M, C]`. */
export function lookUpOwn(codes: np.Array, indices: np.Array): np.Array {
  const K = codes.shape[1] as number;
  const inside = present(indices.ref); // [M]
  const chosen = asNumbers(indices.reshape([-1, 1]).equal(np.arange(K))); // [M, K]
  const found = np.sum(codes.mul(np.expandDims(chosen, -1)), 1); // [M, C]
  return np.where(inside.reshape([-1, 1]), found, Number.NaN);
}
