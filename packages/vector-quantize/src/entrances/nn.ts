/**
 * Layers and models, saved and loaded.
 *
 * @module vector-quantize/nn
 */
import "../pageThreads.ts";

export { type Details, type LoadModelOptions, loadModel, saveModel } from "../checkpoint/model.ts";
export { gelu, relu, sigmoid, silu, tanh } from "../nn/activations.ts";
export { type AudioAutoencoderOptions, audioAutoencoder } from "../nn/audioAutoencoder.ts";
export { type AvgPoolOptions, avgPool } from "../nn/avgPool.ts";
export {
  type BatchNormOptions,
  type BatchNormParams,
  type BatchNormState,
  batchNorm,
} from "../nn/batchNorm.ts";
export { type Conv1dOptions, type Conv1dParams, conv1d } from "../nn/conv1d.ts";
export { type Conv2dOptions, type Conv2dParams, conv2d } from "../nn/conv2d.ts";
export {
  type ConvTranspose1dOptions,
  type ConvTranspose1dParams,
  convTranspose1d,
} from "../nn/convTranspose1d.ts";
export {
  type ConvTranspose2dOptions,
  type ConvTranspose2dParams,
  convTranspose2d,
} from "../nn/convTranspose2d.ts";
export { type DropoutOptions, dropout } from "../nn/dropout.ts";
export { type EluOptions, elu } from "../nn/elu.ts";
export { type GroupNormOptions, type GroupNormParams, groupNorm } from "../nn/groupNorm.ts";
export { type ImageAutoencoderOptions, imageAutoencoder } from "../nn/imageAutoencoder.ts";
export type { Layer, LayerConfig, TrainingCall } from "../nn/layer.ts";
export { type LayerNormOptions, type LayerNormParams, layerNorm } from "../nn/layerNorm.ts";
export { type LeakyReluOptions, leakyRelu } from "../nn/leakyRelu.ts";
export { type LinearOptions, type LinearParams, linear } from "../nn/linear.ts";
export { type MaxPoolOptions, maxPool } from "../nn/maxPool.ts";
export type {
  LayerStates,
  Model,
  ModelConfig,
  ModelOutput,
  ModelParams,
  ModelVariables,
} from "../nn/model.ts";
export { type PadEndOptions, padEnd } from "../nn/padEnd.ts";
export { type PermuteOptions, permute } from "../nn/permute.ts";
export type { AxisReach, ImageReach } from "../nn/reach.ts";
export { layerFromConfig, modelFromConfig } from "../nn/registry.ts";
export { residual } from "../nn/residual.ts";
export { sequential } from "../nn/sequential.ts";
export { type SnakeOptions, type SnakeParams, snake } from "../nn/snake.ts";
export { createSoundStreams, type SoundCodes, type SoundStreams } from "../nn/soundStreams.ts";
export { type BlockOptions, depthToSpace, spaceToDepth } from "../nn/spaceToDepth.ts";
export { type Span, type TileAlong, type Tiling, tilingOf } from "../nn/tiling.ts";
export { type UpsampleOptions, upsample } from "../nn/upsample.ts";
