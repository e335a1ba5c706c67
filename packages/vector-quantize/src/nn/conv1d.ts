import { declared, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { bothReaches, leastLength, oneRow, reachOf } from "./axis.ts";
import { convolve } from "./convolution.ts";
import {
  ChannelOptions,
  type ConvolutionParams,
  checkChannels,
  convolutionLayer,
  type Slides,
} from "./convolutionLayer.ts";
import { convolutionWork } from "./convolutionWork.ts";
import { mostSide } from "./images.ts";
import type { Layer } from "./layer.ts";
import { paddedAxis, paddingOr } from "./padding.ts";
import { checkPair } from "./sides.ts";

/** Options of `conv1d`. */
export class Conv1dOptions extends ChannelOptions {
  /** Length of the kernel. Default 3. */
  readonly kernelSize?: number = integer(3, 1, mostSide);
  /** Steps from one output to the next. Default 1. */
  readonly stride?: number = integer(1, 1, mostSide);
  /** Steps from one weight of the kernel to the next. Default 1. */
  readonly dilation?: number = integer(1, 1, mostSide);
  /**
   * Zeros on both ends, or `[in front, behind]`, fewer than the kernel is long. "same" keeps the length,
   * divided by `stride` and rounded up, and wants an odd kernel; "valid" is 0; "causal" puts
   * `(kernelSize - 1) dilation` zeros in front and none behind, so that output t depends on no input
   * after `t * stride`. Default "same".
   */
  readonly padding?:
    | number
    | readonly [front: number, behind: number]
    | "same"
    | "valid"
    | "causal" = declared(
    paddingOr(["same", "valid", "causal"], (where, value) =>
      checkPair(where, value, "[in front, behind]", 0),
    ),
    "same",
  );
}

const table = optionTable<Conv1dOptions>(
  "conv1d",
  [Conv1dOptions],
  [
    (options, where) => void paddedAxis(where, options),
    (options, where) => checkChannels(where, options, weightOf(options)),
  ],
);

/** `[k, in / groups, out]`. */
const weightOf = (options: Required<Conv1dOptions>): number[] => {
  const { kernelSize, inChannels, outChannels, groups } = options;
  return [kernelSize, inChannels / groups, outChannels];
};

/** Parameters of `conv1d`: a weight `[k, in / groups, out]` and a bias `[out]`. */
export type Conv1dParams = ConvolutionParams;

/**
 * 1-D convolution: series `[B, T, in]` to `[B, T', out]` with
 * `T' = floor((T + zeros - (k - 1) dilation - 1) / stride) + 1`, as `conv2d` on images of one row.
 *
 * The weight `[k, in / groups, out]` is PyTorch's `[out, in / groups, k]` transposed by `[2, 1, 0]`.
 * With a stride, EnCodec's causal convolutions have `stride - 1` zeros fewer in front than "causal", so
 * that an output depends on all of its stride: `padding: [(kernelSize - 1) * dilation + 1 - stride, 0]`.
 *
 * @throws VectorQuantizeError for options that don't fit together, and for series of other channels or
 *   shorter than the kernel
 */
export function conv1d(given: Conv1dOptions): Layer<Conv1dParams> {
  const { options, config } = table.read(given);
  const axis = paddedAxis("conv1d", options);
  const weight = weightOf(options);
  const slides: Slides = { axes: [oneRow, axis], groups: options.groups };
  return convolutionLayer({
    ...{ config, channels: options, weight, slides },
    fanIn: (weight[0] as number) * (weight[1] as number),
    least: [leastLength(axis)],
    convolve: (x, kernel) => convolve(x, kernel, slides.axes, slides.groups),
    work: (shape) => convolutionWork(shape, { axes: [axis], channels: options }),
    ...bothReaches([axis, oneRow], reachOf),
  });
}
