import { type numpy as np, random } from "@jax-js/jax";
import { checkInteger, checkKnownOptions, expected, VectorQuantizeError } from "../errors.ts";
import { convolve, enlargingKernel } from "./convolution.ts";
import { checkImages } from "./images.ts";
import { uniformFanIn } from "./initialise.ts";
import type { Layer } from "./layer.ts";
import { depthToSpace } from "./spaceToDepth.ts";

/** Options of `conv2d`. */
export interface Conv2dOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Height and width of the kernel; odd. Default 3. */
  readonly kernelSize?: number;
  /** Zeros on every side, less than `kernelSize`; "same" keeps the size. Default "same". */
  readonly padding?: number | "same";
  /**
   * Enlarges the input so many times (nearest neighbour) before the convolution, as
   * `upsample({ factor })` in front would, without making the large input; wants padding "same". Default 1.
   */
  readonly upsample?: number;
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean;
}

/** Parameters of `conv2d`. */
export type Conv2dParams = {
  weight: np.Array; // [k, k, in, out]
  bias?: np.Array; // [out]
};

/**
 * 2-D convolution with stride 1: images `[B, H, W, in]` to `[B, H', W', out]`.
 *
 * Runs as matrix products (`convolution.ts`), `kernelSize ** 2` of them. Fast where `in` or `out` is
 * at least 16; `upsample` is faster than an `upsample` layer in front, by about `upsample ** 2`. For
 * stride, put `spaceToDepth` in front. The weight is PyTorch's `[out, in, k, k]` transposed.
 */
export function conv2d(options: Conv2dOptions): Layer<Conv2dParams> {
  const {
    inChannels,
    outChannels,
    kernelSize = 3,
    padding = "same",
    upsample = 1,
    bias = true,
  } = options;
  checkKnownOptions("conv2d", options, [
    "inChannels",
    "outChannels",
    "kernelSize",
    "padding",
    "upsample",
    "bias",
  ]);
  checkInteger("conv2d: inChannels", inChannels);
  checkInteger("conv2d: outChannels", outChannels);
  checkInteger("conv2d: kernelSize", kernelSize);
  if (kernelSize % 2 === 0) throw expected("conv2d: kernelSize", "an odd integer", kernelSize);
  checkInteger("conv2d: upsample", upsample);
  if (padding !== "same") {
    checkInteger("conv2d: padding", padding, 0);
    if (padding >= kernelSize) {
      throw expected("conv2d: padding", `less than kernelSize (${kernelSize})`, padding);
    }
    if (upsample > 1) throw expected("conv2d: padding with upsample", '"same"', padding);
  }
  const zeros = padding === "same" ? (kernelSize - 1) / 2 : padding;
  const enlarge = depthToSpace({ block: upsample });

  return {
    config: { type: "conv2d", ...options },

    init(key) {
      const fanIn = inChannels * kernelSize * kernelSize;
      const [weightKey, biasKey] = [...random.split(key)] as [np.Array, np.Array];
      const shape = [kernelSize, kernelSize, inChannels, outChannels];
      const weight = uniformFanIn(weightKey, shape, fanIn);
      if (bias) return { weight, bias: uniformFanIn(biasKey, [outChannels], fanIn) };
      biasKey.dispose();
      return { weight };
    },

    apply({ weight, bias: shift }, x) {
      const { height, width } = checkImages("conv2d", x.shape, inChannels);
      if (Math.min(height, width) + 2 * zeros < kernelSize) {
        throw new VectorQuantizeError(
          `conv2d: expected images of at least ${kernelSize - 2 * zeros} pixels a side, got ${height} x ${width}`,
        );
      }
      const y =
        upsample === 1
          ? convolve(x, weight, zeros)
          : enlarge.apply(
              {},
              convolve(x, enlargingKernel(weight, upsample), Math.ceil(zeros / upsample)),
            );
      return shift ? y.add(shift) : y;
    },
  };
}
