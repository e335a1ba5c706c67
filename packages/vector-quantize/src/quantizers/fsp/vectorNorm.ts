import { numpy as np } from "@jax-js/jax";
import { checkChoice } from "../../errors.ts";
import { atLeastZero, number } from "../../options/kinds.ts";
import { optionTable } from "../../options/table.ts";
import { asNumbers } from "../../tracing.ts";

/** Targets of the first four moments of every dimension, and what it costs to miss them. */
export class VectorNorm {
  /** Target of the mean. Default 0. */
  l1Target?: number = number(0);
  /** Weight of its squared error. Default 0.1. */
  l1Weight?: number = atLeastZero(0.1);
  /** Target of the variance. Default 1. */
  l2Target?: number = number(1);
  /** Weight of its squared error. Default 0.07. */
  l2Weight?: number = atLeastZero(0.07);
  /** Target of the skewness. Default 0. */
  l3Target?: number = number(0);
  /** Weight of its squared error. Default 0.06. */
  l3Weight?: number = atLeastZero(0.06);
  /** Target of the kurtosis above that of a normal distribution. Default 0. */
  l4Target?: number = number(0);
  /** Weight of its squared error. Default 0.05. */
  l4Weight?: number = atLeastZero(0.05);
  /** Smallest standard deviation in the skewness and kurtosis. Default 1e-8. */
  eps?: number = atLeastZero(1e-8);
}

/** Moments of every dimension, `[d]` each; `kurtosis` is 0 for a normal distribution. */
export type Moments = {
  mean: np.Array;
  variance: np.Array;
  skewness: np.Array;
  kurtosis: np.Array;
};

const table = optionTable<VectorNorm>("fsp: vectorNorm", [VectorNorm]);
const defaults = table.withDefaults({});

const variance = (l2Target: number) => ({ ...defaults, l2Target, l3Weight: 0, l4Weight: 0 });

const presets = {
  none: { ...defaults, l1Weight: 0, l2Weight: 0, l3Weight: 0, l4Weight: 0 },
  var: variance(1),
  kurt: defaults,
  varTanh: variance(0.8225),
  varSigmoid: variance(3.29),
  varLaplace: variance(2),
} as const;

/** Presets by name: the variance of the distribution, or the four moments of a normal one (`kurt`). */
export type VectorNormPreset = keyof typeof presets;

/** Throws unless `given` is a preset or options of a norm. */
export function checkVectorNorm(where: string, given: unknown): void {
  if (typeof given === "object" && given !== null) table.read(given);
  else checkChoice(where, given, Object.keys(presets));
}

/** The norm of a preset, or of options with their defaults. */
export const completeVectorNorm = (given: VectorNormPreset | VectorNorm): Required<VectorNorm> =>
  typeof given === "object" ? table.withDefaults(given) : presets[given];

/**
 * Mean, unbiased variance, skewness and excess kurtosis over vectors `[N, d]`.
 *
 * @param mask bool `[N]`: which vectors count, if not all; fewer than two have the variance 0
 */
export function moments(x: np.Array, mask: np.Array | undefined, eps: number): Moments {
  const N = x.shape[0] as number;
  const counts = mask ? asNumbers(mask).reshape([N, 1]) : np.ones([N, 1]); // [N, 1]
  const count = np.sum(counts.ref);
  const average = (values: np.Array) =>
    np.sum(values.mul(counts.ref), 0).div(np.maximum(count.ref, 1));
  const mean = average(x.ref); // [d]
  const centred = x.sub(mean.ref);
  const squares = np.sum(np.square(centred.ref).mul(counts.ref), 0);
  const variance = squares.div(np.maximum(count.ref.sub(1), 1));
  // Not below eps, and with a gradient where the variance is 0.
  const deviation = np.sqrt(np.maximum(variance.ref, eps * eps));
  const scores = centred.div(deviation);
  const cubed = scores.ref.mul(np.square(scores.ref));
  const skewness = average(cubed.ref);
  const kurtosis = average(cubed.mul(scores)).sub(3);
  return { mean, variance, skewness, kurtosis };
}

/** `sum over moments of weight * mean over dimensions of (moment - target)^2`. */
export function normLoss(
  { mean, variance, skewness, kurtosis }: Moments,
  norm: Required<VectorNorm>,
): np.Array {
  const term = (moment: np.Array, target: number, weight: number) =>
    weight === 0 ? np.zeros([]) : np.mean(np.square(moment.sub(target))).mul(weight);
  return term(mean, norm.l1Target, norm.l1Weight)
    .add(term(variance, norm.l2Target, norm.l2Weight))
    .add(term(skewness, norm.l3Target, norm.l3Weight))
    .add(term(kurtosis, norm.l4Target, norm.l4Weight));
}
