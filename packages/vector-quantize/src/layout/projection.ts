import { numpy as np, random } from "@jax-js/jax";

/** A linear map of the feature axis: `x W + b`. */
export type Projection = { weight: np.Array; bias: np.Array }; // [in, out], [out]

/** Fresh projection, uniform in `±1/sqrt(inputs)` as PyTorch's `nn.Linear` starts. */
export function initProjection(key: np.Array, inputs: number, outputs: number): Projection {
  const bound = 1 / Math.sqrt(inputs);
  const [weightKey, biasKey] = random.split(key);
  const range = { minval: -bound, maxval: bound };
  return {
    weight: random.uniform(weightKey as np.Array, [inputs, outputs], range),
    bias: random.uniform(biasKey as np.Array, [outputs], range),
  };
}

/** `vectors W + b`; `[N, in]` to `[N, out]`. Nothing to do without a projection. */
export function project(vectors: np.Array, projection: Projection | undefined): np.Array {
  if (!projection) return vectors;
  return np.matmul(vectors, projection.weight).add(projection.bias);
}

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
