import { declared } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { bothReaches, transposedReachOf } from "./axis.ts";
import type { Axes } from "./convolution.ts";
import {
  ChannelOptions,
  type ConvolutionParams,
  checkChannels,
  convolutionLayer,
} from "./convolutionLayer.ts";
import { transposedWork } from "./convolutionWork.ts";
import { mostSide } from "./images.ts";
import type { Layer } from "./layer.ts";
import { cutAxis, paddingAlong, paddingOr } from "./padding.ts";
import { bothSides, checkPair, type Sides, sideName, sides } from "./sides.ts";
import { convolveTransposed, leastBefore } from "./transposed.ts";

/** Options of `convTranspose2d`. */
export class ConvTranspose2dOptions extends ChannelOptions {
  /** Pixels a side of the kernel, or `[height, width]`. Default 3. */
  readonly kernelSize?: Sides = sides(3, 1, mostSide);
  /** Pixels of the output from one input to the next, or `[vertical, horizontal]`. Default 1. */
  readonly stride?: Sides = sides(1, 1, mostSide);
  /** Pixels from one weight of the kernel to the next, or `[vertical, horizontal]`. Default 1. */
  readonly dilation?: Sides = sides(1, 1, mostSide);
  /**
   * Pixels that are cut off every side of the output, or `[vertical, horizontal]`, fewer than the kernel
   * is long; "causal", for images whose rows are points in time, leaves `H * stride` rows, so that row t
   * of the output depends on no row after `t / stride`, and `W * stride` columns around the middle of the
   * kernel, which must be odd that way: the way back from a causal `conv2d` of this stride. Default 0.
   */
  readonly padding?: Sides | "causal" = declared(
    paddingOr(["causal"], (where, value) => checkPair(where, value, "[vertical, horizontal]", 0)),
    0,
  );
  /**
   * Pixels more below and to the right, or `[vertical, horizontal]`, fewer than `stride` or `dilation`.
   * Default 0.
   */
  readonly outputPadding?: Sides = sides(0, 0);
}

type Options = Required<ConvTranspose2dOptions>;

const table = optionTable<ConvTranspose2dOptions>(
  "convTranspose2d",
  [ConvTranspose2dOptions],
  [
    (options, where) => void axesOf(where, options),
    (options, where) => checkChannels(where, options, weightOf(options)),
  ],
);

function axesOf(where: string, options: Options): Axes {
  const { kernelSize } = options;
  const axis = (at: 0 | 1) =>
    cutAxis(
      where,
      {
        kernelSize: bothSides(kernelSize)[at],
        stride: bothSides(options.stride)[at],
        dilation: bothSides(options.dilation)[at],
        padding: paddingAlong(options.padding, at),
        outputPadding: bothSides(options.outputPadding)[at],
      },
      sideName("kernelSize", kernelSize, at),
    );
  return [axis(0), axis(1)];
}

/** `[k, k, in, out / groups]`. */
function weightOf({ kernelSize, inChannels, outChannels, groups }: Options): number[] {
  return [...bothSides(kernelSize), inChannels, outChannels / groups];
}

/** Parameters of `convTranspose2d`: a weight `[k, k, in, out / groups]` and a bias `[out]`. */
export type ConvTranspose2dParams = ConvolutionParams;

/**
 * Transposed 2-D convolution, the gradient of `conv2d` by its input: images `[B, H, W, in]` to
 * `[B, H', W', out]` with `H' = (H - 1) stride + (k - 1) dilation + 1 - 2 padding + outputPadding`.
 *
 * Runs as a convolution of stride 1 on the small images (`transposed.ts`), fastest where `kernelSize`
 * is a multiple of `stride` and `dilation` is 1: else some of its products are with zeros. The weight
 * `[k, k, in, out / groups]` is PyTorch's `[in, out / groups, k, k]` transposed by `[2, 3, 0, 1]`; the
 * first weights are drawn as PyTorch's, which takes `k * k * out / groups` for the fan-in.
 *
 * @throws VectorQuantizeError for options that don't fit together, and for images of other channels or
 *   of which nothing would be left
 */
export function convTranspose2d(given: ConvTranspose2dOptions): Layer<ConvTranspose2dParams> {
  const { options, config } = table.read(given);
  const axes = axesOf("convTranspose2d", options);
  const weight = weightOf(options);
  const [height, width, , features] = weight as [number, number, number, number];
  return convolutionLayer({
    ...{ config, channels: options, weight },
    slides: { axes, groups: options.groups, transposed: true },
    fanIn: height * width * features,
    least: axes.map(leastBefore),
    convolve: (x, kernel) => convolveTransposed(x, kernel, axes, options.groups),
    work: (shape) => transposedWork(shape, { axes, channels: options }),
    ...bothReaches(axes, transposedReachOf),
  });
}
