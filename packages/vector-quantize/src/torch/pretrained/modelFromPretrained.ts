import type { numpy as np } from "@jax-js/jax";
import { checkChoice } from "../../errors.ts";
import type { Model, ModelParams, ModelVariables } from "../../nn/model.ts";
import { checkArray } from "../../quantizers/guard/arguments.ts";
import { type ArrayTree, owns, release } from "../../tree.ts";
import { below, checkTensors, type Module, type Tensors, variablesOf } from "../module.ts";
import { mergeWeightNorm } from "../weightNorm.ts";
import { dacLayers, dacModel } from "./dacModel.ts";
import { pretrainedQuantizer } from "./fromPretrained.ts";

/**
 * A known codec whole, from the file of its model: encoder, quantizer and decoder.
 *
 * ```ts
 * import { readSafetensors } from "vector-quantize/safetensors";
 * import { modelFromPretrained } from "vector-quantize/torch";
 * import { numpy as np } from "@jax-js/jax";
 *
 * const { tensors } = readSafetensors(bytes); // model.safetensors of descript/dac_44khz, say
 * const { model, variables } = modelFromPretrained("dac", tensors);
 * const codes = await model.encode(variables, np.zeros([1, 44100, 1])); // [1, 87, 9]
 * ```
 *
 * The names are those of Hugging Face's `transformers`; weight norm is merged. Sounds are `[B, T, 1]`, at
 * the rate that the codec was made for, of any length: see `audioAutoencoder`. Of the others that
 * `fromPretrained` knows there is the quantizer alone: EnCodec and Mimi have recurrent layers or
 * transformers, SNAC noise, which have no layers here.
 *
 * @param name which codec: `"dac"`, Descript's
 * @param tensors all tensors of the model; ownership is taken
 * @param config the model's `config.json`, which is compared with the tensors
 * @throws VectorQuantizeError for another codec, for tensors that are missing, left over or of another
 *   shape, and for a configuration that says something else
 *
 * Source: Kumar et al., "High-Fidelity Audio Compression with Improved RVQGAN", 2023,
 * https://arxiv.org/abs/2306.06546; `DacModel` of `transformers`.
 */
export function modelFromPretrained(
  name: "dac",
  tensors: Record<string, np.Array>,
  config: Readonly<Record<string, unknown>> = {},
): { model: Model; variables: ModelVariables } {
  const made: np.Array[] = [];
  using _ = owns(tensors, made);
  const where = `modelFromPretrained ${name}`;
  checkChoice("modelFromPretrained: name", name, ["dac"]);
  const { quantizer, variables } = pretrainedQuantizer(where, name, tensors, {
    config,
    made,
  });
  const found: unknown[] = [variables];
  try {
    const all = mergeWeightNorm(where, withoutQuantizer(tensors), made);
    const model = dacModel(where, all, quantizer);
    const modules = dacLayers(where, model);
    const sides = Object.entries(modules).map(([side, module]) => ({
      prefix: `${side}.`,
      module,
      place: [],
    }));
    checkTensors(where, all, { fields: [], parts: sides });
    for (const [name, tensor] of Object.entries(all)) {
      checkArray(where, `tensor ${name}`, tensor, "float32");
    }
    const paramsOf = (side: "encoder" | "decoder") => {
      const params = layersOf(modules[side], below(all, `${side}.`));
      found.push(params);
      return params;
    };
    const params: ModelParams = {
      encoder: paramsOf("encoder"),
      quantizer: variables.params,
      decoder: paramsOf("decoder"),
    };
    return { model, variables: { params, state: variables.state } };
  } catch (error) {
    release(found);
    throw error;
  }
}

const withoutQuantizer = (tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.startsWith("quantizer.")));

/** The parameters of layers, in their order. */
function layersOf({ parts = [] }: Module, tensors: Tensors): ArrayTree[] {
  return parts.map(({ prefix, module }) => variablesOf(module, below(tensors, prefix)).params);
}
