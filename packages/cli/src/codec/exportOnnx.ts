import { tree } from "@jax-js/jax";
import { modelToOnnx } from "vector-quantize-onnx";
import type { Codec } from "./modelFile.ts";

/** A model as ONNX files by name, and what to know about them. The variables stay the caller's. */
export async function exportOnnx({ model, variables }: Codec): Promise<{
  files: Record<string, Uint8Array>;
  notes: string[];
}> {
  const { encode, decode, apply } = await modelToOnnx(
    model,
    tree.ref(variables as never) as typeof variables,
  );
  return {
    files: { "encode.onnx": encode, "decode.onnx": decode, "apply.onnx": apply },
    notes: [
      "Images go in and come out channels last, as numbers from -1 to 1; the batch and their sides are free.",
      'In Python: onnxruntime.InferenceSession("encode.onnx").run(None, {"x": images})',
    ],
  };
}
