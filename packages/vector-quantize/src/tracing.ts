/** What traced code needs to say twice for jax-js to understand it. */

import { lax, numpy as np } from "@jax-js/jax";

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
 *
 * @param axis where the row is padded on: the longest is best
 */
export function settled(x: np.Array, axis = 0): np.Array {
  const pads = x.shape.map((_, at): [number, number] => [0, at === axis ? 1 : 0]);
  const cut = x.shape.map((length, at): [] | [number, number] => (at === axis ? [0, length] : []));
  return np.pad(x, pads).slice(...cut);
}

/**
 * A mask as float32: 1 where true, else 0.
 *
 * jax-js gives a bool that is made a float a tangent of bools, and WebGPU can't compile their sums.
 */
export function asNumbers(mask: np.Array): np.Array {
  return lax.stopGradient(mask.astype(np.float32));
}

/**
 * Where both masks are true.
 *
 * `np.logicalAnd`, `logicalOr`, `any`, `all`, `>=`, `<=` and (in)equality of floats become short
 * circuits on WebGPU. Where jax-js unrolls a sum of up to 32 terms with one in each, SwiftShader
 * (WebGPU in software) takes time and memory that double with every other term, and the device is
 * lost. Bits, `<` and `>` are single instructions.
 *
 * An `any` or `all` of bits again does not compile there: jax-js leaves out its parentheses.
 */
export function both(a: np.Array, b: np.Array): np.Array {
  return np.bitwiseAnd(a, b);
}

/** Whether some entry of the mask is true; why not `np.any`: see `both`. */
export function anyTrue(mask: np.Array): np.Array {
  return np.max(asNumbers(mask)).greater(0);
}

/** Whether all entries along an axis of the mask are true; why not `np.all`: see `both`. */
export function everyTrue(mask: np.Array, axis: number): np.Array {
  return np.min(asNumbers(mask), axis).greater(0);
}

/** Which indices name a code, that is, are not -1; why not `>= 0`: see `both`. */
export function present(indices: np.Array): np.Array {
  return indices.greater(int32(-1));
}

/**
 * An int32 scalar. Under `grad` of a jitted function a bare number turns the indices that it meets
 * into floats.
 */
export function int32(value: number): np.Array {
  return np.array(value, { dtype: np.int32 });
}
