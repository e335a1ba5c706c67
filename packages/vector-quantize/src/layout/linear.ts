import { numpy as np } from "@jax-js/jax";
import { initProjection } from "./projection.ts";

/** A linear map of the feature axis that may lack its bias: `x W + b`. */
export type LinearMap = { weight: np.Array; bias?: np.Array }; // [in, out], [out]

/** Fresh map, started as a `Projection`. */
export function initLinear(
  key: np.Array,
  inputs: number,
  outputs: number,
  withBias: boolean,
): LinearMap {
  const { weight, bias } = initProjection(key, inputs, outputs);
  if (withBias) return { weight, bias };
  bias.dispose();
  return { weight };
}

/** `vectors W + b`; `[N, in]` to `[N, out]`. Nothing to do without a map. */
export function applyLinear(vectors: np.Array, map: LinearMap | undefined): np.Array {
  if (!map) return vectors;
  const mapped = np.matmul(vectors, map.weight);
  return map.bias ? mapped.add(map.bias) : mapped;
}
