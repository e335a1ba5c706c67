import { numpy as np } from "@jax-js/jax";
import { owns } from "../tree.ts";
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

/** Maps to other features and back, where the vectors have not as many. */
export type LinearMaps = { projectIn?: LinearMap; projectOut?: LinearMap };

/** Fresh maps of `dim` features to `width` and back. Takes ownership of two keys. */
export function initLinearMaps(
  keys: readonly np.Array[],
  dim: number,
  width: number,
  withBias: boolean,
): LinearMaps {
  using _ = owns(keys);
  if (dim === width) return {};
  const [inKey, outKey] = keys as [np.Array, np.Array];
  return {
    projectIn: initLinear(inKey.ref, dim, width, withBias),
    projectOut: initLinear(outKey.ref, width, dim, withBias),
  };
}

/** `vectors W + b`; `[N, in]` to `[N, out]`. Nothing to do without a map. */
export function applyLinear(vectors: np.Array, map: LinearMap | undefined): np.Array {
  if (!map) return vectors;
  const mapped = np.matmul(vectors, map.weight);
  return map.bias ? mapped.add(map.bias) : mapped;
}
