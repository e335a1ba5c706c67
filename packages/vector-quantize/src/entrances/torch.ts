/**
 * Quantizers of the reference, to and from here.
 *
 * @module vector-quantize/torch
 */
import "../pageThreads.ts";

export { binaryMapperTranslation } from "../torch/binaryMapper.ts";
export * from "../torch/fromTorch.ts";
export { fspTranslation } from "../torch/fsp.ts";
export { fsqTranslation } from "../torch/fsq.ts";
export {
  groupedResidualFSQTranslation,
  groupedResidualLFQTranslation,
  groupedResidualVQTranslation,
} from "../torch/grouped.ts";
export { hierarchicalVQTranslation } from "../torch/hierarchicalVQ.ts";
export { latentQuantizeTranslation } from "../torch/latentQuantize.ts";
export { lfqTranslation } from "../torch/lfq.ts";
export { type NetworkOptions, networkFromTorch, networkToTorch } from "../torch/network.ts";
export { fromPretrained, type PretrainedQuantizers } from "../torch/pretrained/fromPretrained.ts";
export { modelFromPretrained } from "../torch/pretrained/modelFromPretrained.ts";
export { randomProjectionQuantizerTranslation } from "../torch/randomProjection.ts";
export { residualFSQTranslation } from "../torch/residualFSQ.ts";
export { residualLFQTranslation } from "../torch/residualLFQ.ts";
export { residualSimVQTranslation } from "../torch/residualSimVQ.ts";
export { residualVQTranslation } from "../torch/residualVQ.ts";
export { simVQTranslation } from "../torch/simVQ.ts";
export * from "../torch/toTorchNames.ts";
export type { Translation, VariablesOf } from "../torch/translation.ts";
export { vectorQuantizeTranslation } from "../torch/vectorQuantize.ts";
