import { checkInteger } from "../errors.ts";
import { declared, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { bothReaches, oneRow, transposedReachOf } from "./axis.ts";
import {
  ChannelOptions,
  type ConvolutionParams,
  checkChannels,
  convolutionLayer,
  type Slides,
} from "./convolutionLayer.ts";
import { transposedWork } from "./convolutionWork.ts";
import { mostSide } from "./images.ts";
import type { Layer } from "./layer.ts";
import { cutAxis, paddingOr } from "./padding.ts";
import { convolveTransposed, leastBefore } from "./transposed.ts";

/** Options of `convTranspose1d`. */
export class ConvTranspose1dOptions extends ChannelOptions {
  /** Length of the kernel. Default 3. */
  readonly kernelSize?: number = integer(3, 1, mostSide);
  /** Steps of the output from one input to the next. Default 1. */
  readonly stride?: number = integer(1, 1, mostSide);
  /** Steps from one weight of the kernel to the next. Default 1. */
  readonly dilation?: number = integer(1, 1, mostSide);
  /**
   * Outputs that are cut off on both ends, fewer than the kernel is long; "causal" cuts at the end
   * alone, so that `T * stride` are left and output t depends on no input after `t / stride`: the way
   * back from a causal `conv1d` of this stride. Default 0.
   */
  readonly padding?: number | "causal" = declared(
    paddingOr(["causal"], (where, value) => checkInteger(where, value, 0)),
    0,
  );
  /** Outputs more at the end, fewer than `stride` or `dilation`. Default 0. */
  readonly outputPadding?: number = integer(0, 0);
}

type Options = Required<ConvTranspose1dOptions>;

const table = optionTable<ConvTranspose1dOptions>(
  "convTranspose1d",
  [ConvTranspose1dOptions],
  [
    (options, where) => void cutAxis(where, options),
    (options, where) => checkChannels(where, options, weightOf(options)),
  ],
);

/** `[k, in, out / groups]`. */
const weightOf = ({ kernelSize, inChannels, outChannels, groups }: Options): number[] => [
  ...[kernelSize, inChannels, outChannels / groups],
];

/** Parameters of `convTranspose1d`: a weight `[k, in, out / groups]` and a bias `[out]`. */
export type ConvTranspose1dParams = ConvolutionParams;

/**
 * Transposed 1-D convolution: series `[B, T, in]` to `[B, T', out]` with
 * `T' = (T - 1) stride + (k - 1) dilation + 1 - 2 padding + outputPadding`, as `convTranspose2d` on images
 * of one row. The weight `[k, in, out / groups]` is PyTorch's `[in, out / groups, k]` transposed by
 * `[2, 0, 1]`.
 *
 * @throws VectorQuantizeError for options that don't fit together, and for series of other channels or
 *   of which nothing would be left
 */
export function convTranspose1d(given: ConvTranspose1dOptions): Layer<ConvTranspose1dParams> {
  const { options, config } = table.read(given);
  const axis = cutAxis("convTranspose1d", options);
  const weight = weightOf(options);
  const slides: Slides = { axes: [oneRow, axis], groups: options.groups, transposed: true };
  return convolutionLayer({
    ...{ config, channels: options, weight, slides },
    fanIn: (weight[0] as number) * (weight[2] as number),
    least: [leastBefore(axis)],
    convolve: (x, kernel) => convolveTransposed(x, kernel, slides.axes, slides.groups),
    work: (shape) => transposedWork(shape, { axes: [axis], channels: options }),
    ...bothReaches([axis, oneRow], transposedReachOf),
  });
}
