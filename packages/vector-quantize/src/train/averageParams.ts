import { numpy as np } from "@jax-js/jax";
import type { ArrayTree } from "../tree.ts";
import { mapTrees } from "./trees.ts";

/** A moving average of parameters. */
export type ParamsAverage<P extends ArrayTree = ArrayTree> = {
  readonly mean: P;
  /** How much of the average is not its start: `1 - decay^t` after `t` steps. */
  readonly weight: np.Array;
};

/** The average before the first step: `params` themselves. Takes ownership. */
export function startAverage<P extends ArrayTree>(params: P): ParamsAverage<P> {
  return { mean: params, weight: np.array(0) };
}

/**
 * The average after a step that led to `params`:
 * `(1 - decay) / (1 - decay^t) * sum_i decay^(t - i) * params_i` over the steps `i = 1..t`.
 *
 * An exponential moving average without bias: its first value is the first `params`, so that the
 * start of training does not linger in it. Pure and traceable; takes ownership.
 *
 * Source: Kingma & Ba, "Adam", 2014, section 3, https://arxiv.org/abs/1412.6980, for the correction;
 * as optax's `ema` with `debias`. ema-pytorch warms its decay up instead.
 */
export function moveAverage<P extends ArrayTree>(
  { mean, weight: before }: ParamsAverage<P>,
  params: P,
  decay: number,
): ParamsAverage<P> {
  const weight = before.mul(decay).add(1 - decay);
  const share = np.reciprocal(weight.ref).mul(1 - decay);
  const moved = mapTrees((m, p) => m.ref.add(p.sub(m).mul(share.ref)), mean, params);
  share.dispose();
  return { mean: moved, weight };
}
