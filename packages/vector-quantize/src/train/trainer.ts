import type { numpy as np } from "@jax-js/jax";
import type { Model, ModelVariables } from "../nn/model.ts";
import type { ArrayTree } from "../tree.ts";
import type { GradientTransformation, OptState } from "./optimizer.ts";

/** All that training needs to go on: saved and restored, the next step is the same bit for bit. */
export interface TrainState {
  readonly variables: ModelVariables;
  readonly optimizer: OptState;
  /** PRNG key of the next step. */
  readonly key: np.Array;
  /** int32 scalar: how many steps were taken. */
  readonly step: np.Array;
  readonly [key: string]: ArrayTree;
}

export interface TrainerOptions {
  readonly optimizer: GradientTransformation;
  /** Reconstruction loss: mean absolute ("l1") or mean squared ("l2") error. Default "l2". */
  readonly loss?: "l1" | "l2";
  /** Weight of the quantizer's loss beside the reconstruction loss. Default 1. */
  readonly quantizerWeight?: number;
  /** Smallest and largest value in the data; the range of PSNR. Default [-1, 1]. */
  readonly range?: readonly [number, number];
  /** Whether outputs are clamped to `range` before the reconstruction loss. Default false. */
  readonly clamp?: boolean;
}

/** Arrays on the device, not read back; see `createMetricReader`. */
export interface StepMetrics {
  /** The minimised sum. */
  readonly loss: np.Array;
  readonly reconstruction: np.Array;
  /** Peak signal-to-noise ratio in dB of the output clamped to the range. */
  readonly psnr: np.Array;
  /** Indices of the batch. */
  readonly indices: np.Array;
  /** int32 scalar: number of the step, from 1. */
  readonly step: np.Array;
  /** The quantizer's single losses by name, unweighted, as `commitment`. */
  readonly [name: string]: np.Array;
}

export interface Evaluation {
  readonly output: np.Array;
  readonly indices: np.Array;
  readonly reconstruction: np.Array;
  readonly psnr: np.Array;
  readonly [name: string]: np.Array;
}

/** Functions that take ownership of the arrays that they are given. */
export interface Trainer {
  /** A fresh state: step 0. */
  init(key: np.Array): TrainState;
  /** A state at step 0 from variables at hand, for example fitted ones. */
  start(variables: ModelVariables, key: np.Array): TrainState;
  /** One step on `batch`: one jitted graph, nothing is read back. */
  step(state: TrainState, batch: np.Array): { state: TrainState; metrics: StepMetrics };
  /** The model on `batch` without training. */
  evaluate(variables: ModelVariables, batch: np.Array): Evaluation;
}

/** Makes the training step of a model: `createTrainer(model, options)`. */
export type CreateTrainer = (model: Model, options: TrainerOptions) => Trainer;
