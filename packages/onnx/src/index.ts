/**
 * Quantizers and models as ONNX files.
 *
 * @module vector-quantize-onnx
 */
import "vector-quantize"; // before jax-js, which looks for workers when it loads

export { modelToOnnx } from "./modelToOnnx.ts";
export type { OnnxOptions } from "./options.ts";
export { type OnnxFiles, toOnnx } from "./toOnnx.ts";
