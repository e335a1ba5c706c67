import { type numpy as np, random } from "@jax-js/jax";
import { checkHolds, checkInteger, expected, VectorQuantizeError } from "../errors.ts";
import { declared, flag, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { convolve, enlargingKernel } from "./convolution.ts";
import { checkImages, mostSide } from "./images.ts";
import { uniformFanIn } from "./initialise.ts";
import type { Layer } from "./layer.ts";
import { depthToSpace } from "./spaceToDepth.ts";

/** Options of `conv2d`. */
export class Conv2dOptions {
  /** Channels of the input. */
  readonly inChannels: number = integer();
  /** Channels of the output. */
  readonly outChannels: number = integer();
  /** Height and width of the kernel; odd. Default 3. */
  readonly kernelSize?: number = integer(3, 1, mostSide);
  /** Zeros on every side, less than `kernelSize`; "same" keeps the size. Default "same". */
  readonly padding?: number | "same" = declared(checkPadding, "same");
  /**
   * Enlarges the input so many times (nearest neighbour) before the convolution, as
   * `upsample({ factor })` in front would, without making the large input; wants padding "same". Default 1.
   */
  readonly upsample?: number = integer(1, 1, mostSide);
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean = flag(true);
}

function checkPadding(where: string, padding: unknown): void {
  if (padding !== "same") checkInteger(where, padding, 0);
}

const table = optionTable<Conv2dOptions>(
  "conv2d",
  [Conv2dOptions],
  [
    checkKernel,
    ({ kernelSize, inChannels, outChannels }, where) =>
      checkHolds(where, "weight", kernelSize, kernelSize, inChannels, outChannels),
  ],
);

/** Throws unless kernel, padding and enlargement fit together. */
function checkKernel(options: Required<Conv2dOptions>, where: string): undefined {
  const { kernelSize, padding, upsample } = options;
  if (kernelSize % 2 === 0) throw expected(`${where}: kernelSize`, "an odd integer", kernelSize);
  if (padding === "same") return;
  if (padding >= kernelSize) {
    throw expected(`${where}: padding`, `less than kernelSize (${kernelSize})`, padding);
  }
  if (upsample > 1) throw expected(`${where}: padding with upsample`, '"same"', padding);
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
export function conv2d(given: Conv2dOptions): Layer<Conv2dParams> {
  const { options, config } = table.read(given);
  const { inChannels, outChannels, kernelSize, padding, upsample, bias } = options;
  const zeros = padding === "same" ? (kernelSize - 1) / 2 : padding;
  const enlarge = depthToSpace({ block: upsample });

  return {
    config,

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
