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
 * An int32 scalar. Under `grad` of a jitted function a bare number turns the indices that it meets
 * into floats.
 */
export function integer(value: number): np.Array {
  return np.array(value, { dtype: np.int32 });
}
