import { tree } from "@jax-js/jax";
import { checkModelVariables } from "../nn/checks.ts";
import type { Model, ModelConfig, ModelVariables } from "../nn/model.ts";
import { modelFromConfig } from "../nn/registry.ts";
import { owns } from "../tree.ts";
import { type Details, openCheckpoint, rebuild, writeCheckpoint } from "./checkpoint.ts";

export type { Details } from "./checkpoint.ts";

/** Options of `loadModel`. */
export interface LoadModelOptions {
  /** What errors call the checkpoint: usually its file name. Default "checkpoint". */
  readonly file?: string;
  /** The user's own functions that the configuration names, if any. */
  readonly functions?: NonNullable<Parameters<typeof modelFromConfig>[1]>;
}

/**
 * A model as a file: a safetensors file whose metadata holds the configuration.
 *
 * @param variables ownership is taken.
 * @param details stored beside it and given back by `loadModel`.
 * @throws VectorQuantizeError for variables that are no model's
 */
export async function saveModel(
  model: Model,
  variables: ModelVariables,
  details: Details = {},
): Promise<Uint8Array<ArrayBuffer>> {
  using _ = owns(variables);
  checkModelVariables("saveModel", variables);
  return await writeCheckpoint("model", model.config, details, tree.ref(variables as never));
}

/**
 * Rebuilds a model and its variables from the bytes that `saveModel` made.
 *
 * @throws VectorQuantizeError if the bytes are damaged, no checkpoint of a model, of an unknown
 *   version, or hold tensors that don't fit the configuration.
 */
export function loadModel(
  bytes: Uint8Array,
  options: LoadModelOptions = {},
): { model: Model; variables: ModelVariables; details: Details } {
  const { file = "checkpoint", functions } = options;
  const checkpoint = openCheckpoint(bytes, "model", file);
  const config = checkpoint.json("config") as ModelConfig;
  const model = rebuild(file, () => modelFromConfig(config, functions));
  const details = checkpoint.details();
  return { model, variables: checkpoint.restore((key) => model.init(key)), details };
}
