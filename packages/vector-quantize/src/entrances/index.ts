/**
 * Quantizers, their contract, metrics.
 *
 * @module vector-quantize
 */
import "../pageThreads.ts";

export type { EmaWeightFunction } from "../codebook/averages.ts";
export type { CodebookState } from "../codebook/codebook.ts";
export type { DeadCodeThreshold } from "../codebook/deadCodes.ts";
export type { CodebookOptimizer } from "../codebook/inPlace.ts";
export { joinWords, splitIndex } from "../codebook/mixedRadix.ts";
export { type CodecFromBytesOptions, codecFromBytes } from "../codec/codecFromBytes.ts";
export {
  type CodecDecodeOptions,
  type CodecShape,
  createCodec,
  type QuantizerCodec,
} from "../codec/createCodec.ts";
export { VectorQuantizeError } from "../errors.ts";
export type { Layout } from "../layout/layout.ts";
export type { LinearMap } from "../layout/linear.ts";
export type { Commitment, CommitmentFunction, CommitmentInputs } from "../losses/commitment.ts";
export { meanSquaredError, psnr } from "../metrics/distortion.ts";
export { bitsPerPixel, entropyBitsPerPixel } from "../metrics/rate.ts";
export { codeCounts, codeEntropy, perplexity, usedCodes } from "../metrics/usage.ts";
export {
  type BinaryMapper,
  type BinaryMapperOptions,
  binaryMapper,
} from "../quantizers/binaryMapper.ts";
export { checkIndices } from "../quantizers/checkIndices.ts";
export type {
  ApplyOptions,
  Compared,
  EncodeOptions,
  FitOptions,
  MaskOptions,
  PassGradients,
  PassOptions,
  PrepareOptions,
  Quantized,
  Quantizer,
  QuantizerConfig,
  TrainingPass,
  UpdateOptions,
  Variables,
} from "../quantizers/contract.ts";
export {
  type FactorizedVQOptions,
  type FactorizedVQParams,
  type FactorizedVQuantizer,
  factorizedVQ,
} from "../quantizers/factorizedVQ.ts";
export type { CdfActivation } from "../quantizers/fsp/distributions.ts";
export type { Moments, VectorNorm, VectorNormPreset } from "../quantizers/fsp/vectorNorm.ts";
export {
  type FiniteScalarPerturbation,
  type FspOptions,
  fsp,
} from "../quantizers/fsp.ts";
export type { FsqOptions, NoiseScale } from "../quantizers/fsq/options.ts";
export { type FiniteScalarQuantizer, fsq, type RotationState } from "../quantizers/fsq.ts";
export type { GroupedParams, GroupedQuantizer, GroupedState } from "../quantizers/grouped.ts";
export { type GroupedQuantizerOptions, groupedQuantizer } from "../quantizers/groupedQuantizer.ts";
export {
  type GroupedResidualFSQOptions,
  groupedResidualFSQ,
} from "../quantizers/groupedResidualFSQ.ts";
export {
  type GroupedResidualLFQOptions,
  groupedResidualLFQ,
} from "../quantizers/groupedResidualLFQ.ts";
export {
  type GroupedResidualVQOptions,
  groupedResidualVQ,
} from "../quantizers/groupedResidualVQ.ts";
export { hasCodes } from "../quantizers/hasCodes.ts";
export type { HierarchicalVQOptions } from "../quantizers/hierarchicalVQ/options.ts";
export {
  type HierarchicalParams,
  type HierarchicalQuantizer,
  type HierarchicalState,
  hierarchicalVQ,
} from "../quantizers/hierarchicalVQ.ts";
export { type IdentityOptions, identity } from "../quantizers/identity.ts";
export {
  type LatentQuantizeOptions,
  type LatentQuantizeParams,
  type LatentQuantizer,
  type LatentQuantizeState,
  latentQuantize,
} from "../quantizers/latentQuantize.ts";
export type {
  ActivationFunction,
  LfqOptions,
  StraightThroughActivation,
} from "../quantizers/lfq/options.ts";
export { type LookupFreeBinaryQuantizer, lfq } from "../quantizers/lfq.ts";
export type { LookupFreeParams } from "../quantizers/lookupFree/family.ts";
export type { LookupFreeQuantizer } from "../quantizers/lookupFree.ts";
export {
  type MultiscaleVQOptions,
  type MultiscaleVQParams,
  type MultiscaleVQuantizer,
  multiscaleVQ,
} from "../quantizers/multiscaleVQ.ts";
export {
  type ProductQuantizer,
  type ProductRotation,
  type ProductVQOptions,
  type ProductVQState,
  productVQ,
} from "../quantizers/productVQ.ts";
export {
  type RandomProjectionOptions,
  type RandomProjectionState,
  randomProjectionQuantizer,
} from "../quantizers/randomProjectionQuantizer.ts";
export { quantizerFromConfig, type UserObjects } from "../quantizers/registry.ts";
export type { ResidualApplyOptions, ResidualQuantizer } from "../quantizers/residual.ts";
export type { ResidualBounds } from "../quantizers/residualFSQ/bounds.ts";
export type { ResidualFSQOptions } from "../quantizers/residualFSQ/options.ts";
export { residualFSQ } from "../quantizers/residualFSQ.ts";
export { type ResidualLFQOptions, residualLFQ } from "../quantizers/residualLFQ.ts";
export {
  type ResidualQuantizerOptions,
  residualQuantizer,
} from "../quantizers/residualQuantizer.ts";
export { type ResidualSimVQOptions, residualSimVQ } from "../quantizers/residualSimVQ.ts";
export { type ResidualVQOptions, residualVQ } from "../quantizers/residualVQ.ts";
export type { CodeTransform, SimVQGradient, SimVQOptions } from "../quantizers/simVQ/options.ts";
export {
  type SimVQParams,
  type SimVQState,
  type SimVQuantizer,
  simVQ,
} from "../quantizers/simVQ.ts";
export {
  type SummedParams,
  type SummedQuantizer,
  type SummedQuantizerOptions,
  type SummedState,
  summedQuantizer,
} from "../quantizers/summedQuantizer.ts";
export { createTrainingPass, type RunTrainingPass } from "../quantizers/trainingPass.ts";
export type { CodebookTransform } from "../quantizers/vectorQuantize/apply.ts";
export type {
  VectorQuantizeParams,
  VectorQuantizeState,
  VectorQuantizeVariables,
} from "../quantizers/vectorQuantize/books.ts";
export type { CodebookBridge } from "../quantizers/vectorQuantize/bridge.ts";
export type {
  Gradient,
  MaskedOutput,
  VectorQuantizeOptions,
} from "../quantizers/vectorQuantize/options.ts";
export {
  type MoveOptions,
  type VectorQuantizeApplyOptions,
  type VectorQuantizer,
  vectorQuantize,
} from "../quantizers/vectorQuantize.ts";
export type { Metric } from "../search/graph.ts";
export { type ArrayTree, owns, type ParamTree } from "../tree.ts";
