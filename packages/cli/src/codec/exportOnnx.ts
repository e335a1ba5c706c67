import { tree } from "@jax-js/jax";
import { modelToOnnx, toOnnx } from "vector-quantize-onnx";
import type { ModelExport } from "./modelExport.ts";
import { type Codec, isAlone } from "./modelFile.ts";

/** A model as ONNX files, or a quantizer that has none around it. The variables stay the caller's. */
export async function exportOnnx(codec: Codec): Promise<ModelExport> {
  const { model, variables } = codec;
  const own = tree.ref(variables as never) as typeof variables;
  const alone = isAlone(codec);
  const { encode, decode, apply } = alone
    ? await toOnnx(model.quantizer, { params: own.params.quantizer, state: own.state })
    : await modelToOnnx(model, own);
  const input = alone ? "vectors" : "images";
  return {
    files: { "encode.onnx": encode, "decode.onnx": decode, "apply.onnx": apply },
    notes: [
      ...(alone
        ? []
        : [
            "Images go in and come out channels last, as numbers from -1 to 1; the batch and their sides are free.",
          ]),
      `In Python: onnxruntime.InferenceSession("encode.onnx").run(None, {"x": ${input}})`,
    ],
  };
}
