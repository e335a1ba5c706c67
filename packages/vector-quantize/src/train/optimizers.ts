import { checkKnownOptions, checkNumber } from "../errors.ts";
import { chain } from "./chain.ts";
import type { GradientTransformation } from "./optimizer.ts";
import { checkLearningRate, type LearningRate } from "./schedules.ts";
import {
  addDecayedWeights,
  type ScaleByAdamOptions,
  scaleByAdam,
  scaleByLearningRate,
  trace,
} from "./transforms.ts";

/** Options of `adam`. */
export type AdamOptions = ScaleByAdamOptions;

/** Adam: `scaleByAdam`, then the learning rate. */
export function adam(
  learningRate: LearningRate,
  options: AdamOptions = {},
): GradientTransformation {
  checkLearningRate("adam", learningRate);
  checkAdam("adam", options, ["b1", "b2", "eps"]);
  return chain(scaleByAdam(options), scaleByLearningRate(learningRate));
}

/** Options of `adamw`. */
export interface AdamWOptions extends AdamOptions {
  /** Share of a parameter that a step of learning rate 1 takes off. Default 0.01. */
  readonly weightDecay?: number;
}

/**
 * Adam with decoupled weight decay: `p -= learningRate * (adam + weightDecay * p)`, as PyTorch's
 * `AdamW` with its defaults.
 *
 * Source: Loshchilov & Hutter, "Decoupled Weight Decay Regularization", 2017,
 * https://arxiv.org/abs/1711.05101.
 */
export function adamw(
  learningRate: LearningRate,
  options: AdamWOptions = {},
): GradientTransformation {
  const { weightDecay = 0.01, ...rest } = options;
  checkLearningRate("adamw", learningRate);
  checkAdam("adamw", options, ["b1", "b2", "eps", "weightDecay"]);
  checkNumber("adamw: weightDecay", weightDecay, 0);
  return chain(
    scaleByAdam(rest),
    addDecayedWeights(weightDecay),
    scaleByLearningRate(learningRate),
  );
}

/** Options of `sgd`. */
export interface SgdOptions {
  /** How much of the past updates a step keeps. Default 0. */
  readonly momentum?: number;
  /** Nesterov's form of momentum. Default false. */
  readonly nesterov?: boolean;
}

/** Stochastic gradient descent, `p -= learningRate * g`, with or without momentum. */
export function sgd(learningRate: LearningRate, options: SgdOptions = {}): GradientTransformation {
  const { momentum = 0, nesterov = false } = options;
  checkLearningRate("sgd", learningRate);
  checkKnownOptions("sgd", options, ["momentum", "nesterov"]);
  checkNumber("sgd: momentum", momentum, 0, 1);
  const descent = scaleByLearningRate(learningRate);
  return momentum === 0 ? descent : chain(trace({ decay: momentum, nesterov }), descent);
}

function checkAdam(where: string, options: AdamOptions, known: readonly string[]): void {
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8 } = options;
  checkKnownOptions(where, options, known);
  checkNumber(`${where}: b1`, b1, 0, 1);
  checkNumber(`${where}: b2`, b2, 0, 1);
  checkNumber(`${where}: eps`, eps, 0);
}
