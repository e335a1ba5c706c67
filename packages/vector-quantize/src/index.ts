export { VectorQuantizeError } from "./errors.ts";
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
export { type ArrayTree, owns } from "./tree.ts";
