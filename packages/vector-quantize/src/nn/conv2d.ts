import { expected } from "../errors.ts";
import { declared, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { bothReaches, leastLength, reachOf } from "./axis.ts";
import { type Axes, convolve } from "./convolution.ts";
import {
  ChannelOptions,
  type ConvolutionParams,
  checkChannels,
  convolutionLayer,
} from "./convolutionLayer.ts";
import { convolutionWork } from "./convolutionWork.ts";
import { convolveEnlarged } from "./enlarged.ts";
import { mostSide } from "./images.ts";
import type { Layer } from "./layer.ts";
import { paddedAxis, paddingAlong, paddingOr } from "./padding.ts";
import { bothSides, checkPair, type Sides, sideName, sides } from "./sides.ts";

/** Options of `conv2d`. */
export class Conv2dOptions extends ChannelOptions {
  /** Pixels a side of the kernel, or `[height, width]`. Default 3. */
  readonly kernelSize?: Sides = sides(3, 1, mostSide);
  /** Pixels from one output to the next: one number, or `[vertical, horizontal]`. Default 1. */
  readonly stride?: Sides = sides(1, 1, mostSide);
  /** Pixels from one weight of the kernel to the next: one number, or `[vertical, horizontal]`. Default 1. */
  readonly dilation?: Sides = sides(1, 1, mostSide);
  /**
   * Zeros on every side, or `[vertical, horizontal]`, fewer than the kernel is long. "same"
   * keeps the size, divided by `stride` and rounded up, and wants an odd kernel; "valid" is 0;
   * "causal", for images whose rows are points in time, puts `(kernelSize - 1) dilation` zeros above
   * and none below, so that row t of the output depends on no row after `t * stride`, and is "same"
   * along the rows. Default "same".
   */
  readonly padding?: Sides | "same" | "valid" | "causal" = declared(
    paddingOr(["same", "valid", "causal"], (where, value) =>
      checkPair(where, value, "[vertical, horizontal]", 0),
    ),
    "same",
  );
  /**
   * Enlarges the input so many times (nearest neighbour) before the convolution, as
   * `upsample({ factor })` in front would, without making the large input. Can't be joined with a
   * stride, a dilation, groups, a kernel that is no square, or a padding other than "same". Default 1.
   */
  readonly upsample?: number = integer(1, 1, mostSide);
}

type Options = Required<Conv2dOptions>;

const table = optionTable<Conv2dOptions>(
  "conv2d",
  [Conv2dOptions],
  [
    (options, where) => void axesOf(where, options),
    checkUpsample,
    (options, where) => checkChannels(where, options, weightOf(options)),
  ],
);

function axesOf(where: string, options: Options): Axes {
  const { kernelSize, padding } = options;
  const axis = (at: 0 | 1) =>
    paddedAxis(
      where,
      {
        kernelSize: bothSides(kernelSize)[at],
        stride: bothSides(options.stride)[at],
        dilation: bothSides(options.dilation)[at],
        padding: paddingAlong(padding, at),
      },
      sideName("kernelSize", kernelSize, at),
    );
  return [axis(0), axis(1)];
}

/** Throws unless the other options are those that an enlargement can be joined with. */
function checkUpsample(options: Options, where: string): undefined {
  const { upsample, padding, groups, kernelSize } = options;
  if (upsample === 1) return;
  const refused = (name: string, what: string, got: unknown) =>
    expected(
      `${where}: ${name} with upsample`,
      what,
      got,
      "Put an upsample layer in front instead",
    );
  if (padding !== "same") throw refused("padding", '"same"', padding);
  for (const name of ["stride", "dilation"] as const) {
    if (bothSides(options[name]).some((each) => each > 1)) throw refused(name, "1", options[name]);
  }
  if (groups > 1) throw refused("groups", "1", groups);
  const [height, width] = bothSides(kernelSize);
  if (height !== width) throw refused("kernelSize", "a square", kernelSize);
}

/** `[k, l, in / groups, out]`. */
function weightOf({ kernelSize, inChannels, outChannels, groups }: Options): number[] {
  return [...bothSides(kernelSize), inChannels / groups, outChannels];
}

/** Parameters of `conv2d`: a weight `[k, k, in / groups, out]` and a bias `[out]`. */
export type Conv2dParams = ConvolutionParams;

/**
 * 2-D convolution: images `[B, H, W, in]` to `[B, H', W', out]` with
 * `H' = floor((H + zeros - (k - 1) dilation - 1) / stride) + 1`.
 *
 * Runs as matrix products (`convolution.ts`), `kernelSize ** 2` of them. Fast where `in` or `out` is
 * at least 16; `upsample` is faster than an `upsample` layer in front, by about `upsample ** 2`. A
 * convolution whose stride is its size is faster as `spaceToDepth` and `linear`. The weight
 * `[k, k, in / groups, out]` is PyTorch's `[out, in / groups, k, k]` transposed by `[2, 3, 1, 0]`.
 *
 * @throws VectorQuantizeError for options that don't fit together, and for images of other channels or
 *   smaller than the kernel
 */
export function conv2d(given: Conv2dOptions): Layer<Conv2dParams> {
  const { options, config } = table.read(given);
  const { groups, upsample } = options;
  const axes = axesOf("conv2d", options);
  const weight = weightOf(options);

  return convolutionLayer({
    ...{ config, channels: options, weight, slides: { axes, groups, upsample } },
    fanIn: weight.slice(0, -1).reduce((product, size) => product * size, 1),
    least: axes.map(leastLength),
    convolve: (x, kernel) =>
      upsample > 1 ? convolveEnlarged(x, kernel, upsample) : convolve(x, kernel, axes, groups),
    work: (shape) => convolutionWork(shape, { axes, upsample, channels: options }),
    ...bothReaches(axes, (axis) => reachOf(axis, upsample)),
  });
}
