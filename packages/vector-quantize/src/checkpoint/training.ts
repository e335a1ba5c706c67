import type { Model, ModelConfig } from "../nn/model.ts";
import { modelFromConfig } from "../nn/registry.ts";
import type { Trainer } from "../train/trainer.ts";
import type { TrainState } from "../train/trainState.ts";
import { openCheckpoint, rebuild, writeCheckpoint } from "./checkpoint.ts";
import type { Details, LoadModelOptions } from "./model.ts";

/**
 * Everything that training needs to go on: variables, optimizer, PRNG key and number of the step.
 *
 * @param state ownership is taken.
 * @param details plain JSON given back by `loadTraining`: the seed of the data order, the options of
 *   the optimizer.
 */
export function saveTraining(
  model: Model,
  state: TrainState,
  details: Details,
): Promise<Uint8Array<ArrayBuffer>> {
  return writeCheckpoint("training", model.config, details, state);
}

/** A training checkpoint whose state waits for its trainer, which knows the optimizer. */
export interface LoadedTraining {
  readonly model: Model;
  readonly details: Details;
  /** The saved state; the next step of `trainer` is the one that would have come next, bit for bit. */
  restore(trainer: Trainer): TrainState;
}

/**
 * Opens the bytes that `saveTraining` made.
 *
 * @throws VectorQuantizeError if they are damaged, no checkpoint of training, or of an unknown
 *   version; `restore` also if tensors don't fit the model and the trainer's optimizer.
 */
export function loadTraining(bytes: Uint8Array, options: LoadModelOptions = {}): LoadedTraining {
  const { file = "checkpoint", functions } = options;
  const checkpoint = openCheckpoint(bytes, "training", file);
  const config = checkpoint.json("config") as ModelConfig;
  return {
    model: rebuild(file, () => modelFromConfig(config, functions)),
    details: checkpoint.details(),
    restore: (trainer) => checkpoint.restore((key) => trainer.init(key)),
  };
}
