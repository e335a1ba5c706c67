import { tree } from "@jax-js/jax";
import { saveSafetensors } from "vector-quantize/safetensors";
import { toTorch } from "vector-quantize/torch";
import type { ModelExport } from "./modelExport.ts";
import { isAlone, type SavedModel } from "./modelFile.ts";

/** The quantizer of a model as a module of vector-quantize-pytorch. */
export async function exportTorch(saved: SavedModel): Promise<ModelExport> {
  const { model, variables } = saved;
  const own = { params: variables.params.quantizer, state: variables.state };
  const { className, kwargs, tensors, dropped } = toTorch(
    model.quantizer,
    tree.ref(own as never) as typeof own,
  );
  const described = { class: className, kwargs, dropped };
  const layers = model.config.parts.length - 1;
  return {
    files: {
      "quantizer.safetensors": await saveSafetensors(tensors),
      "quantizer.json": `${JSON.stringify(described, null, 2)}\n`,
    },
    notes: [
      ...(isAlone(saved)
        ? []
        : [`The quantizer alone: the ${layers} layers around it are not in these files.`]),
      ...dropped.map((what) => `Left out: ${what}.`),
      `In Python: ${className}(**json.load(open("quantizer.json"))["kwargs"])` +
        '.load_state_dict(safetensors.torch.load_file("quantizer.safetensors"))',
    ],
  };
}
