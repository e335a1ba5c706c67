import { lax, numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import { checkBatchRows } from "../kernels/layers/batchRows.ts";
import { atLeastZero, integer, share } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import type { ArrayTree } from "../tree.ts";
import type { Layer } from "./layer.ts";
import { meansAlong } from "./moments.ts";
import { itsOwnPixel } from "./reach.ts";

/** Options of `batchNorm`. */
export class BatchNormOptions {
  /** Channels of the input. */
  readonly channels: number = integer();
  /** Share of a training batch in the running mean and variance after it. Default 0.1. */
  readonly momentum?: number = share(0.1);
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number = atLeastZero(1e-5);
}

const table = optionTable<BatchNormOptions>("batchNorm", [BatchNormOptions]);

/** Parameters of `batchNorm`. */
export type BatchNormParams = {
  weight: np.Array; // [channels]
  bias: np.Array; // [channels]
};

/** State of `batchNorm`: what evaluation takes for the mean and the variance. */
export type BatchNormState = {
  mean: np.Array; // [channels]
  variance: np.Array; // [channels]
};

/**
 * `(x - mean) / sqrt(variance + eps) * weight + bias` with the mean and the variance of each channel,
 * the last axis: in training those of the batch, over all other axes; in evaluation running ones,
 * `(1 - momentum) running + momentum batch` after every step of training. The batch is divided by its
 * variance over all `n` of its numbers, and the running variance moves to that over `n - 1`, as in
 * PyTorch, whose `running_mean` and `running_var` are the state. Starts with weight 1, bias 0, mean 0 and
 * variance 1.
 *
 * Source: Ioffe & Szegedy, "Batch Normalization", 2015, https://arxiv.org/abs/1502.03167.
 *
 * @throws VectorQuantizeError for an input of other channels, one number a channel in training, and
 *   evaluation without a state
 */
export function batchNorm(given: BatchNormOptions): Layer<BatchNormParams> {
  const { options, config } = table.read(given);
  const { channels, momentum, eps } = options;

  const checkInput = (shape: readonly number[]): void => {
    if (shape.length >= 2 && shape.at(-1) === channels) return;
    throw expected("batchNorm: input", `[..., ${channels}]`, shape);
  };
  const scaled = (centred: np.Array, variance: np.Array, { weight, bias }: BatchNormParams) =>
    centred
      .mul(np.reciprocal(np.sqrt(variance.add(eps))))
      .mul(weight)
      .add(bias);

  return {
    config,
    reach: itsOwnPixel,
    init(key) {
      key.dispose();
      return { weight: np.ones([channels]), bias: np.zeros([channels]) };
    },
    initState: (): BatchNormState => ({
      mean: np.zeros([channels]),
      variance: np.ones([channels]),
    }),
    apply(params, x, state) {
      checkInput(x.shape);
      const { mean, variance } = stateOf(state);
      return scaled(x.sub(mean), variance, params);
    },
    train(params, x, { state }) {
      checkInput(x.shape);
      const axes = [...x.shape.keys()].slice(0, -1).reverse();
      const count = x.size / channels;
      checkBatchRows(x.shape);
      const running = stateOf(state);
      const mean = meansAlong(x.ref, axes);
      const centred = x.sub(mean.ref);
      const variance = meansAlong(np.square(centred.ref), axes);
      const moved = (before: np.Array, batch: np.Array, factor: number) =>
        before.mul(1 - momentum).add(
          lax
            .stopGradient(batch)
            .reshape([channels])
            .mul(momentum * factor),
        );
      const after: BatchNormState = {
        mean: moved(running.mean, mean, 1),
        variance: moved(running.variance, variance.ref, count / (count - 1)),
      };
      return [scaled(centred, variance, params), after];
    },
    work(shape) {
      checkInput(shape);
      return { kind: "batchNorm", inputShape: shape, outputShape: shape, momentum, eps };
    },
  };
}

function stateOf(state: ArrayTree | undefined): BatchNormState {
  if (state && "mean" in state) return state as BatchNormState;
  const mend = "A model has the states of its layers in variables.layers";
  throw expected("batchNorm: state", "{ mean, variance }", state, mend);
}
