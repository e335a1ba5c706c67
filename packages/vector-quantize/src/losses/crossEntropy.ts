import { nn, numpy as np } from "@jax-js/jax";
import { maskedMean } from "../layout/mask.ts";
import { int32, present } from "../tracing.ts";

/**
 * `mean -log softmax(logits)[target]` over the rows whose target is not -1; 0 if there are none.
 *
 * @param logits `[N, K]`
 * @param targets int32 `[N]`, from 0 to K - 1, or -1 to leave a row out
 */
export function crossEntropy(logits: np.Array, targets: np.Array): np.Array {
  const classes = logits.shape[1] as number;
  const counted = present(targets.ref);
  // A product with the one-hot rows: the gradient of a gather is slow on Wasm.
  const chosen = nn.oneHot(np.maximum(targets, int32(0)), classes); // [N, K]
  const picked = np.sum(nn.logSoftmax(logits, 1).mul(chosen), 1); // [N]
  return maskedMean(picked.neg(), counted);
}
