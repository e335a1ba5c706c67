import type { ConvolutionWork } from "../kernels/layers/convolution.ts";
import type { ConvolutionAxis } from "../kernels/layers/convolutionShape.ts";
import { type Axis, oneRow, windowsOn } from "./axis.ts";
import { lengthAfter } from "./transposed.ts";

/** What a convolution slides along and over. */
interface Slid {
  /** One axis for series, two for images. */
  readonly axes: readonly Axis[];
  /** How often each pixel is repeated before the kernel meets it. Default 1. */
  readonly upsample?: number;
  readonly channels: {
    readonly inChannels: number;
    readonly outChannels: number;
    readonly groups: number;
    readonly bias: boolean;
  };
}

/** A convolution of inputs of `shape` for kernels. A series is an image of one column. */
export function convolutionWork(
  shape: readonly number[],
  { axes, upsample = 1, channels }: Slid,
): ConvolutionWork {
  const { inChannels, outChannels, groups, bias } = channels;
  const lengths = shape.slice(1, -1);
  const along = (at: number): ConvolutionAxis =>
    slidAlong(axes[at] ?? oneRow, lengths[at] ?? 1, upsample);
  const [height, width] = [along(0), along(1)];
  const outLengths = [height, width].slice(0, lengths.length).map(({ output }) => output);
  const [batch] = shape as [number];
  return {
    kind: "convolution",
    batch,
    inputShape: shape,
    outputShape: [batch, ...outLengths, outChannels],
    shape: {
      ...{ height, width, inChannels, outChannels, groups },
      weight: { tap: (inChannels / groups) * outChannels, input: outChannels, output: 1 },
    },
    transposed: false,
    bias,
  };
}

/**
 * A transposed convolution: the way back of the convolution from its output to its input. The weight is
 * `[..., in, out / groups]`.
 */
export function transposedWork(
  shape: readonly number[],
  { axes, channels }: Omit<Slid, "upsample">,
): ConvolutionWork {
  const { inChannels, outChannels, groups, bias } = channels;
  const lengths = shape.slice(1, -1).map((length, at) => lengthAfter(axes[at] as Axis, length));
  const outputShape = [shape[0] as number, ...lengths, outChannels];
  const turned = { inChannels: outChannels, outChannels: inChannels, groups, bias };
  const outFeatures = outChannels / groups;
  const { shape: way, batch } = convolutionWork(outputShape, { axes, channels: turned });
  return {
    kind: "convolution",
    ...{ batch, inputShape: shape, outputShape, transposed: true, bias },
    shape: {
      ...way,
      // Windows that begin past the last input were never there.
      height: { ...way.height, output: shape[1] as number },
      width: { ...way.width, output: axes.length === 1 ? 1 : (shape[2] as number) },
      weight: { tap: inChannels * outFeatures, input: 1, output: outFeatures },
    },
  };
}

function slidAlong(axis: Axis, length: number, upsample: number): ConvolutionAxis {
  return {
    input: length,
    output: windowsOn(axis, length * upsample),
    kernel: axis.size,
    stride: axis.stride,
    dilation: axis.dilation,
    padding: axis.front,
    upsample,
  };
}

/** A linear map of the last axis: the convolution of one pixel, whose rows lie one below another. */
export function linearWork(
  shape: readonly number[],
  outFeatures: number,
  bias: boolean,
): ConvolutionWork {
  const inFeatures = shape.at(-1) as number;
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  return {
    ...convolutionWork([1, rows, 1, inFeatures], {
      axes: [oneRow, oneRow],
      channels: { inChannels: inFeatures, outChannels: outFeatures, groups: 1, bias },
    }),
    inputShape: shape,
    outputShape: [...shape.slice(0, -1), outFeatures],
  };
}
