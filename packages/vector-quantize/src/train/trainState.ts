import type { numpy as np } from "@jax-js/jax";
import type { ModelParams, ModelVariables } from "../nn/model.ts";
import type { ArrayTree } from "../tree.ts";
import type { ParamsAverage } from "./averageParams.ts";
import type { OptState } from "./optimizer.ts";

/** All that training needs to go on: saved and restored, the next step is the same bit for bit. */
export interface TrainState {
  readonly variables: ModelVariables;
  readonly optimizer: OptState;
  /** PRNG key of the next step. */
  readonly key: np.Array;
  /** int32 scalar: how many steps were taken. */
  readonly step: np.Array;
  /** The moving average of the parameters; without arrays where none is kept. */
  readonly average: ParamsAverage<ModelParams> | Record<string, never>;
  readonly [key: string]: ArrayTree;
}

/** Arrays on the device, not read back; see `createMetricReader`. */
export interface StepMetrics {
  /** The minimised sum: reconstruction loss + weight x the quantizer's loss. */
  readonly loss: np.Array;
  readonly reconstruction: np.Array;
  /** Peak signal-to-noise ratio in dB of the output clamped to the range. */
  readonly psnr: np.Array;
  /** Indices of the batch. */
  readonly indices: np.Array;
  /** int32 scalar: number of the step, from 1. */
  readonly step: np.Array;
  /** The quantizer's single losses by name, unweighted, as `commitment`; summed over its layers. */
  readonly [name: string]: np.Array;
}

/** What a step gives: the state to go on from, and what it reports. */
export interface TrainStepResult {
  readonly state: TrainState;
  readonly metrics: StepMetrics;
}
