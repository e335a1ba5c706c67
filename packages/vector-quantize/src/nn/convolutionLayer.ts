import { numpy as np, random } from "@jax-js/jax";
import { checkHolds, expected } from "../errors.ts";
import type { ConvolutionWork } from "../kernels/layers/convolution.ts";
import { uniformFanIn } from "../layout/linear.ts";
import { flag, integer } from "../options/kinds.ts";
import { jitted } from "../tree.ts";
import type { Axes } from "./convolution.ts";
import { checkImages, checkRoom, checkSeries } from "./images.ts";
import type { Layer, LayerConfig } from "./layer.ts";
import type { ImageReach } from "./reach.ts";

/** Options that all convolutions share. */
export class ChannelOptions {
  /** Channels of the input. */
  readonly inChannels: number = integer();
  /** Channels of the output. */
  readonly outChannels: number = integer();
  /**
   * Groups of channels that don't see each other: the first part of the output is computed from the
   * first of the input, and so on; divides both. Default 1.
   */
  readonly groups?: number = integer(1);
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean = flag(true);
}

/** Parameters of a convolution. */
export type ConvolutionParams = {
  weight: np.Array;
  bias?: np.Array; // [out]
};

/** What tells one convolution from another. */
interface Plan {
  readonly config: LayerConfig;
  readonly channels: Required<ChannelOptions>;
  /** Shape of the weight. */
  readonly weight: readonly number[];
  /** How many products PyTorch takes an output for the sum of, when it draws the first weights. */
  readonly fanIn: number;
  /** Least length of the input along each axis: one for series, two for images. */
  readonly least: readonly number[];
  /** The convolution of images; a series is an image of one row. */
  convolve(images: np.Array, kernel: np.Array): np.Array;
  /** What it is, for readers of traced programs. */
  readonly slides: Slides;
  /** The same of inputs of `shape`, for kernels. */
  work(shape: readonly number[]): ConvolutionWork;
  readonly reach?: ImageReach;
}

/** A convolution in words: the name of its part of a traced program has them, as JSON. */
export interface Slides {
  readonly axes: Axes;
  readonly groups: number;
  /** How often each pixel is repeated before the kernel meets it. Default 1. */
  readonly upsample?: number;
  /** Default false. */
  readonly transposed?: boolean;
}

/** Throws unless the groups divide the channels and the weight can be held. */
export function checkChannels(
  where: string,
  { inChannels, outChannels, groups }: Required<ChannelOptions>,
  weight: readonly number[],
): undefined {
  for (const [name, channels] of Object.entries({ inChannels, outChannels })) {
    if (channels % groups === 0) continue;
    throw expected(`${where}: groups`, `a divisor of ${name} (${channels})`, groups);
  }
  return checkHolds(where, "weight", ...weight);
}

/** A layer that convolves: its first parameters, checks of the input, the bias. */
export function convolutionLayer({
  config,
  channels,
  weight: shape,
  fanIn,
  least,
  convolve,
  slides,
  work,
  reach,
}: Plan): Layer<ConvolutionParams> {
  const { inChannels, outChannels, bias } = channels;
  const onSeries = least.length === 1;
  const checkInput = onSeries ? checkSeries : checkImages;
  // A part of its own of any trace; outside of one, compiled where it would be done product by product.
  const run = jitted(convolve, `vq.convolution ${JSON.stringify(slides)}`);

  return {
    config,
    ...(reach && { reach }),

    init(key) {
      const [weightKey, biasKey] = [...random.split(key)] as [np.Array, np.Array];
      const weight = uniformFanIn(weightKey, [...shape], fanIn);
      if (bias) return { weight, bias: uniformFanIn(biasKey, [outChannels], fanIn) };
      biasKey.dispose();
      return { weight };
    },

    apply({ weight, bias: shift }, x) {
      check(x.shape);
      const y = onSeries ? withoutRow(run(withRow(x, 1), withRow(weight, 0))) : run(x, weight);
      return shift ? y.add(shift) : y;
    },

    work(inputShape) {
      check(inputShape);
      return work(inputShape);
    },
  };

  function check(inputShape: readonly number[]): void {
    checkInput(config.type, inputShape, inChannels);
    checkRoom(config.type, inputShape.slice(1, -1), least);
  }
}

const withRow = (x: np.Array, axis: number): np.Array => np.expandDims(x, axis);
const withoutRow = (images: np.Array): np.Array => np.squeeze(images, 1);
