import { expected } from "../errors.ts";
import type { QuantizerConfig } from "../quantizers/contract.ts";
import { quantizerFromConfig, type UserObjects } from "../quantizers/registry.ts";
import { gelu, relu, silu, tanh } from "./activations.ts";
import { type Conv2dOptions, conv2d } from "./conv2d.ts";
import type { Layer, LayerConfig } from "./layer.ts";
import { type LayerNormOptions, layerNorm } from "./layerNorm.ts";
import { type LinearOptions, linear } from "./linear.ts";
import { type MaxPoolOptions, maxPool } from "./maxPool.ts";
import type { Model, ModelConfig } from "./model.ts";
import { residual } from "./residual.ts";
import { sequential } from "./sequential.ts";
import { type BlockOptions, depthToSpace, spaceToDepth } from "./spaceToDepth.ts";
import { type UpsampleOptions, upsample } from "./upsample.ts";

type Factory = (options: never) => Layer;

const factories: Record<string, Factory> = {
  conv2d: (options: Conv2dOptions) => conv2d(options),
  depthToSpace: (options: BlockOptions) => depthToSpace(options),
  gelu,
  layerNorm: (options: LayerNormOptions) => layerNorm(options),
  linear: (options: LinearOptions) => linear(options),
  maxPool: (options: MaxPoolOptions) => maxPool(options),
  relu,
  residual: ({ layers }: { layers: readonly LayerConfig[] }) =>
    residual(layers.map(layerFromConfig)),
  silu,
  spaceToDepth: (options: BlockOptions) => spaceToDepth(options),
  tanh,
  upsample: (options: UpsampleOptions) => upsample(options),
};

/**
 * Rebuilds a layer from its `config`.
 *
 * @throws VectorQuantizeError for an unknown type or option
 */
export function layerFromConfig(config: LayerConfig): Layer {
  const { type, ...options } = config;
  const make = Object.hasOwn(factories, type) ? factories[type] : undefined;
  if (!make) throw expected("layer type", `one of ${Object.keys(factories).join(", ")}`, type);
  return make(options as never);
}

/**
 * Rebuilds a model from its `config`.
 *
 * @param functions the user's own functions that the quantizer's configuration names, if any
 * @throws VectorQuantizeError for an unknown type or option, or a function that is not given
 */
export function modelFromConfig(config: ModelConfig, objects?: UserObjects): Model {
  if (config?.type !== "sequential" || !Array.isArray(config.parts)) {
    throw expected("model", '{ type: "sequential", parts: [...] }', config?.type);
  }
  return sequential(
    config.parts.map((part: LayerConfig | QuantizerConfig) =>
      Object.hasOwn(factories, part.type)
        ? layerFromConfig(part)
        : quantizerFromConfig(part, objects),
    ),
  );
}
