import { numpy as np } from "@jax-js/jax";
import { int32 } from "../tracing.ts";

/**
 * Place of the largest entry of each row, the lowest of equal ones: int32 `[...]` of `[..., K]`. In a
 * row with NaN it is some place within the row.
 *
 * `np.argmax` compares for equality, which WebGPU in software can't compile for 25 to 32 entries
 * (`both`), and on Wasm gives `K` in a row with NaN.
 */
export function firstLargest(x: np.Array): np.Array {
  const K = x.shape.at(-1) as number;
  const top = np.max(x.ref, -1, { keepdims: true });
  return np.min(np.where(x.less(top), int32(K - 1), np.arange(K)), -1);
}
