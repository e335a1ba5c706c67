import { numpy as np, random } from "@jax-js/jax";
import { settled } from "../tracing.ts";
import { release } from "../tree.ts";

/** A linear map of the feature axis that may lack its bias: `x W + b`. The transpose of PyTorch's weight. */
export type LinearMap = { weight: np.Array; bias?: np.Array }; // [in, out], [out]

/** One with a bias. */
export type Projection = Required<LinearMap>;

/** Fresh map, weight and bias by `uniformFanIn`, as PyTorch's `nn.Linear` starts. Takes `key`. */
export function initLinear(key: np.Array, inputs: number, outputs: number): Projection;
export function initLinear(
  key: np.Array,
  inputs: number,
  outputs: number,
  withBias: boolean,
): LinearMap;
export function initLinear(key: np.Array, inputs: number, outputs: number, withBias = true) {
  const [weightKey, biasKey] = [...random.split(key)] as [np.Array, np.Array];
  const weight = uniformFanIn(weightKey, [inputs, outputs], inputs);
  if (withBias) return { weight, bias: uniformFanIn(biasKey, [outputs], inputs) };
  biasKey.dispose();
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
  if (dim === width) {
    release(keys);
    return {};
  }
  const [inKey, outKey] = keys as [np.Array, np.Array];
  return {
    projectIn: initLinear(inKey, dim, width, withBias),
    projectOut: initLinear(outKey, width, dim, withBias),
  };
}

/** `vectors W + b`; `[N, in]` to `[N, out]`. Nothing to do without a map. */
export function applyLinear(vectors: np.Array, map: LinearMap | undefined): np.Array {
  if (!map) return vectors;
  const mapped = np.matmul(vectors, map.weight);
  // Settled, because a bias that is fused into the product is added number by number.
  return map.bias ? settled(mapped).add(map.bias) : mapped;
}

/**
 * Uniform in `[-1/sqrt(fanIn), 1/sqrt(fanIn))`: what PyTorch's linear and convolution layers start
 * from (Kaiming uniform with `a = sqrt(5)`), weights and biases alike. Takes `key`.
 */
export function uniformFanIn(key: np.Array, shape: number[], fanIn: number): np.Array {
  const bound = 1 / Math.sqrt(fanIn);
  return random.uniform(key, shape, { minval: -bound, maxval: bound });
}
