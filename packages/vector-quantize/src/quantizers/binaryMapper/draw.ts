import { numpy as np, random } from "@jax-js/jax";
import { accurateLog } from "../../logarithm.ts";
import type { Draw } from "../lookupFree/family.ts";

/**
 * Bits that are 1 with probability `sigmoid(logits / temperature)`; the likelier ones without a key.
 *
 * By noise of the logistic distribution: `logits + temperature * log(u / (1 - u)) > 0`, so that a
 * temperature of 0 needs no division.
 */
export function drawBits(logits: np.Array, { key, temperature }: Draw): np.Array {
  if (!key) return logits.greater(0).astype(np.int32);
  const u = random.uniform(key, logits.shape, { minval: 1e-7, maxval: 1 - 1e-7 });
  const noise = accurateLog(u.ref).sub(accurateLog(u.neg().add(1)));
  const moved = logits.add(temperature ? noise.mul(temperature) : noise);
  return moved.greater(0).astype(np.int32);
}
