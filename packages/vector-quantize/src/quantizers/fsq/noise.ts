import { lax, numpy as np, random } from "@jax-js/jax";
import type { CompleteFsqOptions } from "./options.ts";

/**
 * Moves values by uniform noise, each with probability `noiseDropout`, and keeps them in -1 ... 1:
 * a decoder then sees values as they would be without rounding.
 *
 * The gradient passes where the value was not cut off.
 *
 * @param codes `[..., d]`
 *
 * Source: Parker et al., "Scaling Transformers for Low-Bitrate High-Quality Speech Coding", 2024,
 * section 3.2, https://arxiv.org/abs/2411.19842
 */
export function noiseDropout(
  codes: np.Array,
  key: np.Array,
  { noiseDropout: probability, noiseScale, levels }: CompleteFsqOptions,
): np.Array {
  const [chosenKey, offsetKey] = [...random.split(key)] as [np.Array, np.Array];
  const width = levels.map((count) => (noiseScale === "step" ? 2 / (count - 1) : 1));
  const offset = random
    .uniform(offsetKey, codes.shape, { minval: -0.5, maxval: 0.5 })
    .mul(np.array(new Float32Array(width)));
  const chosen = random.bernoulli(chosenKey, probability, codes.shape);
  const moved = lax.stopGradient(codes.ref).add(np.where(chosen, offset, 0));
  const kept = np.absolute(moved.ref).lessEqual(1);
  // Straight through `where`, since a clip has half a gradient at its ends, where most codes stand.
  const gradient = np.where(kept, codes.ref.sub(lax.stopGradient(codes)), 0);
  return np.clip(moved, -1, 1).add(gradient);
}
