import { lax, numpy as np } from "@jax-js/jax";

/** Which rows of `x` `[..., d]` hold a NaN: bool `[...]`. */
export function nanRows(x: np.Array): np.Array {
  // By bits: on WebGPU, fast maths makes every comparison with NaN meaningless.
  const unsigned = (bits: number) => np.array(bits, { dtype: np.uint32 });
  const magnitude = np.bitwiseAnd(lax.bitcastConvertType(x, np.uint32), unsigned(0x7fffffff));
  return np.max(magnitude, -1).greater(unsigned(0x7f800000));
}
