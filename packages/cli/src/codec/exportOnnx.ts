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
  const input = alone ? "vectors" : model.lengthMultiple > 1 ? "sounds" : "images";
  return {
    files: { "encode.onnx": encode, "decode.onnx": decode, "apply.onnx": apply },
    notes: [
      ...notesOn(input),
      `In Python: onnxruntime.InferenceSession("encode.onnx").run(None, {"x": ${input}})`,
    ],
  };
}

/** What whoever runs the files must know of their inputs. */
function notesOn(input: "vectors" | "images" | "sounds"): string[] {
  const range = "as numbers from -1 to 1";
  if (input === "images") {
    return [
      `Images go in and come out channels last, ${range}; the batch and their sides are free.`,
    ];
  }
  if (input === "vectors") return [];
  return [
    `Sounds go in and come out as [batch, length, 1], ${range}, at the model's rate; the batch and the length are free.`,
  ];
}
