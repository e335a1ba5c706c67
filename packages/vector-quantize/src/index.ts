export { readSafetensors, saveSafetensors, writeSafetensors } from "./checkpoint/safetensors.ts";
export type { CodebookState } from "./codebook/codebook.ts";
export type { DeadCodeThreshold } from "./codebook/deadCodes.ts";
export { type Batches, shuffledBatches, trainValidationSplit } from "./data/batches.ts";
export { parseIdx } from "./data/idx.ts";
export {
  type Images,
  imagesFromArray,
  type NumericArray,
  toBytes,
  toFloats,
} from "./data/images.ts";
export { type NpyArray, type NpyData, parseNpy, writeNpy } from "./data/npy.ts";
export { type ShapesOptions, shapeImages } from "./data/shapes.ts";
export { VectorQuantizeError } from "./errors.ts";
export type { Layout } from "./layout/layout.ts";
export type { Commitment, CommitmentFunction, CommitmentInputs } from "./losses/commitment.ts";
export type {
  ApplyOptions,
  EncodeOptions,
  FitOptions,
  MaskOptions,
  Quantized,
  Quantizer,
  QuantizerConfig,
  UpdateOptions,
  Variables,
} from "./quantizers/contract.ts";
export { quantizerFromConfig, type UserFunctions } from "./quantizers/registry.ts";
export { type VectorQuantizer, vectorQuantize } from "./quantizers/vectorQuantize.ts";
export type { VectorQuantizeParams } from "./quantizers/vectorQuantizeGraph.ts";
export type {
  Gradient,
  MaskedOutput,
  VectorQuantizeOptions,
} from "./quantizers/vectorQuantizeOptions.ts";
export type { Metric } from "./search/graph.ts";
export { type ArrayTree, owns } from "./tree.ts";
