import { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import { atLeastZero, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import type { Layer } from "./layer.ts";
import { meansAlong } from "./moments.ts";
import { wholeImage } from "./reach.ts";

/** Options of `groupNorm`. */
export class GroupNormOptions {
  /** Groups of channels; divides `channels`. */
  readonly groups: number = integer();
  /** Channels of the input. */
  readonly channels: number = integer();
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number = atLeastZero(1e-5);
}

const table = optionTable<GroupNormOptions>(
  "groupNorm",
  [GroupNormOptions],
  [
    ({ groups, channels }, where) => {
      if (channels % groups === 0) return;
      throw expected(`${where}: groups`, `a divisor of channels (${channels})`, groups);
    },
  ],
);

/** Parameters of `groupNorm`. */
export type GroupNormParams = {
  weight: np.Array; // [channels]
  bias: np.Array; // [channels]
};

/**
 * `(x - mean) / sqrt(variance + eps) * weight + bias` over all positions and the channels of a group, one
 * by one of the batch: `[B, ..., C]` to the same. The variance is over all of them, not one less.
 * Starts with weight 1 and bias 0. The parameters are PyTorch's; `groups` is its `num_groups`.
 *
 * Source: Wu & He, "Group Normalization", 2018, https://arxiv.org/abs/1803.08494.
 *
 * @throws VectorQuantizeError for groups that don't divide the channels, and an input of other channels
 */
export function groupNorm(given: GroupNormOptions): Layer<GroupNormParams> {
  const { options, config } = table.read(given);
  const { groups, channels, eps } = options;

  return {
    config,
    reach: wholeImage,
    init(key) {
      key.dispose();
      return { weight: np.ones([channels]), bias: np.zeros([channels]) };
    },
    apply({ weight, bias }, x) {
      const { shape } = x;
      checkInput(shape);
      const cut = x.reshape([...shape.slice(0, -1), groups, channels / groups]);
      // From the last axis on, but for the batch and the groups.
      const axes = [...cut.shape.keys()]
        .filter((axis) => axis > 0 && axis !== cut.ndim - 2)
        .reverse();
      const centred = cut.ref.sub(meansAlong(cut, axes));
      const variance = meansAlong(np.square(centred.ref), axes);
      return centred
        .mul(np.reciprocal(np.sqrt(variance.add(eps))))
        .reshape(shape)
        .mul(weight)
        .add(bias);
    },
    work(shape) {
      checkInput(shape);
      const positions = shape.slice(1, -1).reduce((product, size) => product * size, 1);
      const shapes = { inputShape: shape, outputShape: shape };
      return { kind: "normalize", ...shapes, images: shape[0] as number, positions, groups, eps };
    },
  };

  function checkInput(shape: readonly number[]): void {
    if (shape.length >= 2 && shape.at(-1) === channels) return;
    throw expected("groupNorm: input", `[B, ..., ${channels}]`, shape);
  }
}
