/** What traced code needs to say twice for jax-js to understand it. */

import { numpy as np } from "@jax-js/jax";

/**
 * The same values, computed rather than viewed.
 *
 * jit cannot hand a reshaped, transposed or broadcast array straight to a scatter or a sort, nor
 * such a cotangent to the transpose of a gather; an array that was just computed it can.
 */
export function solid(x: np.Array): np.Array {
  return x.neg().neg();
}

/**
 * The same values, computed by a kernel of their own, where jit would fuse what makes them into what
 * uses them.
 *
 * Fused, a sum that is then cut or moved about is added up number by number; by itself it runs with
 * SIMD. The row that is padded on and cut off again costs nothing: it only makes jit finish `x` first.
 */
export function settled(x: np.Array): np.Array {
  const [rows, ...rest] = x.shape as [number, ...number[]];
  const none = rest.map((): [number, number] => [0, 0]);
  return np.pad(x, [[0, 1], ...none]).slice([0, rows]);
}

/**
 * An int32 scalar. Under `grad` of a jitted function a bare number turns the indices that it meets
 * into floats.
 */
export function integer(value: number): np.Array {
  return np.array(value, { dtype: np.int32 });
}
