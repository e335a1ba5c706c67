/** Logarithms to the last bits of float32: jax-js's own are off by up to 1.2e-5 on Wasm. */

import { numpy as np } from "@jax-js/jax";

/** `log x` for `x > 0`, within 3e-7: one Newton step `y + x exp(-y) - 1` from jax-js's value. */
export function accurateLog(x: np.Array): np.Array {
  const y = np.log(x.ref);
  return y.ref.add(x.mul(np.exp(y.neg())).sub(1));
}

/** `log(1 + x)` for `x >= 0`, with the relative precision of float32 also near 0. */
export function accurateLog1p(x: np.Array): np.Array {
  // Only from about 0.4 on is jax-js's series off.
  return np.where(x.ref.less(0.4), np.log1p(x.ref), accurateLog(x.add(1)));
}

/** `log sigmoid(x) = min(x, 0) - log(1 + exp(-|x|))`. */
export function logSigmoid(x: np.Array): np.Array {
  return np.minimum(x.ref, 0).sub(accurateLog1p(np.exp(np.absolute(x).neg())));
}
