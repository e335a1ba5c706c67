import { checkKnownOptions, expected } from "../errors.ts";
import { list } from "../options/kinds.ts";
import { checkConfig, quantizerFromConfig, type UserObjects } from "../quantizers/registry.ts";
import { gelu, relu, sigmoid, silu, tanh } from "./activations.ts";
import { type AvgPoolOptions, avgPool } from "./avgPool.ts";
import { type BatchNormOptions, batchNorm } from "./batchNorm.ts";
import { type Conv1dOptions, conv1d } from "./conv1d.ts";
import { type Conv2dOptions, conv2d } from "./conv2d.ts";
import { type ConvTranspose1dOptions, convTranspose1d } from "./convTranspose1d.ts";
import { type ConvTranspose2dOptions, convTranspose2d } from "./convTranspose2d.ts";
import { type DropoutOptions, dropout } from "./dropout.ts";
import { type EluOptions, elu } from "./elu.ts";
import { type GroupNormOptions, groupNorm } from "./groupNorm.ts";
import type { Layer, LayerConfig } from "./layer.ts";
import { type LayerNormOptions, layerNorm } from "./layerNorm.ts";
import { type LeakyReluOptions, leakyRelu } from "./leakyRelu.ts";
import { type LinearOptions, linear } from "./linear.ts";
import { type MaxPoolOptions, maxPool } from "./maxPool.ts";
import type { Model, ModelConfig } from "./model.ts";
import { type PadEndOptions, padEnd } from "./padEnd.ts";
import { type PermuteOptions, permute } from "./permute.ts";
import { residual } from "./residual.ts";
import { sequential } from "./sequential.ts";
import { type SnakeOptions, snake } from "./snake.ts";
import { type BlockOptions, depthToSpace, spaceToDepth } from "./spaceToDepth.ts";
import { type UpsampleOptions, upsample } from "./upsample.ts";

type Factory = (options: never, depth: number) => Layer;

/** A layer without options. */
const bare =
  (type: string, make: () => Layer): Factory =>
  (options) => {
    checkKnownOptions(type, options, []);
    return make();
  };

const factories: Record<string, Factory> = {
  avgPool: (options: AvgPoolOptions) => avgPool(options),
  batchNorm: (options: BatchNormOptions) => batchNorm(options),
  conv1d: (options: Conv1dOptions) => conv1d(options),
  conv2d: (options: Conv2dOptions) => conv2d(options),
  convTranspose1d: (options: ConvTranspose1dOptions) => convTranspose1d(options),
  convTranspose2d: (options: ConvTranspose2dOptions) => convTranspose2d(options),
  depthToSpace: (options: BlockOptions) => depthToSpace(options),
  dropout: (options: DropoutOptions) => dropout(options),
  elu: (options: EluOptions) => elu(options),
  gelu: bare("gelu", gelu),
  groupNorm: (options: GroupNormOptions) => groupNorm(options),
  layerNorm: (options: LayerNormOptions) => layerNorm(options),
  leakyRelu: (options: LeakyReluOptions) => leakyRelu(options),
  linear: (options: LinearOptions) => linear(options),
  maxPool: (options: MaxPoolOptions) => maxPool(options),
  padEnd: (options: PadEndOptions) => padEnd(options),
  permute: (options: PermuteOptions) => permute(options),
  relu: bare("relu", relu),
  residual(options: { layers: unknown }, depth) {
    checkKnownOptions("residual", options, ["layers"]);
    checkParts("residual: layers", options.layers);
    return residual(options.layers.map((layer) => rebuilt(layer, depth + 1)));
  },
  sigmoid: bare("sigmoid", sigmoid),
  silu: bare("silu", silu),
  snake: (options: SnakeOptions) => snake(options),
  spaceToDepth: (options: BlockOptions) => spaceToDepth(options),
  tanh: bare("tanh", tanh),
  upsample: (options: UpsampleOptions) => upsample(options),
};

function checkParts(where: string, parts: unknown): asserts parts is readonly LayerConfig[] {
  list("a list of configurations", (at, part) => checkConfig(at, part))(where, parts);
}

/**
 * Rebuilds a layer from its `config`.
 *
 * @throws VectorQuantizeError for an unknown type or option
 */
export const layerFromConfig = (config: LayerConfig): Layer => rebuilt(config, 0);

function rebuilt(config: unknown, depth: number): Layer {
  const { type, ...options } = checkConfig("layer", config, depth);
  const make = Object.hasOwn(factories, type) ? factories[type] : undefined;
  if (!make) throw expected("layer type", `one of ${Object.keys(factories).join(", ")}`, type);
  return make(options as never, depth);
}

/**
 * Rebuilds a model from its `config`.
 *
 * @param objects the user's own objects that the quantizer's configuration names, if any
 * @throws VectorQuantizeError for an unknown type or option, or an object that is not given
 */
export function modelFromConfig(config: ModelConfig, objects?: UserObjects): Model {
  if (config?.type !== "sequential" || !Array.isArray(config.parts)) {
    throw expected("model", '{ type: "sequential", parts: [...] }', config?.type);
  }
  checkParts("model: parts", config.parts);
  return sequential(
    config.parts.map((part) =>
      Object.hasOwn(factories, part.type)
        ? layerFromConfig(part)
        : quantizerFromConfig(part, objects),
    ),
  );
}
