import { numpy as np } from "@jax-js/jax";

/** Scale and shift of a layer normalisation over the feature axis. */
export type Norm = { weight: np.Array; bias: np.Array }; // [D], [D]

/** `(x - mean) / sqrt(variance + 1e-5) weight + bias` over features, as PyTorch's `nn.LayerNorm`. */
export function layerNormalise(vectors: np.Array, norm: Norm | undefined): np.Array {
  if (!norm) return vectors;
  const centred = vectors.ref.sub(np.mean(vectors, -1, { keepdims: true })); // [N, D]
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true }); // [N, 1]
  return centred
    .div(np.sqrt(variance.add(1e-5)))
    .mul(norm.weight)
    .add(norm.bias);
}
