import { numpy as np } from "@jax-js/jax";
import { asNumbers } from "../tracing.ts";
import { convolve } from "./convolution.ts";
import { interleaved } from "./spaceToDepth.ts";

/**
 * `convolve` on the images enlarged `factor` times (nearest neighbour), at their own size.
 *
 * @param x images `[B, H, W, C]`
 * @param kernel `[k, k, C, F]`, odd, meant for padding `(k - 1) / 2`
 * @returns `[B, H * factor, W * factor, F]`
 */
export function convolveEnlarged(x: np.Array, kernel: np.Array, factor: number): np.Array {
  const small = enlargingKernel(kernel, factor);
  const size = small.shape[0] as number;
  const zeros = (size - 1) / 2;
  const axis = { size, stride: 1, dilation: 1, front: zeros, behind: zeros };
  return interleaved(convolve(x, small, [axis, axis]), [factor, factor]);
}

/**
 * The kernel on small images that does what `kernel` does on the same images enlarged `factor` times
 * (nearest neighbour): its `factor * factor * F` features are the enlarged output's pixels.
 *
 * A tap of the large kernel falls on the small pixel that its large pixel was copied from, so the
 * weights of the taps that fall on one small pixel are added up. Convolving at the small size does the
 * same sums on `factor * factor` times less data.
 *
 * @param kernel `[k, k, C, F]`, meant for padding `(k - 1) / 2`
 * @returns `[s, s, C, factor * factor * F]`, meant for padding `(s - 1) / 2`
 */
export function enlargingKernel(kernel: np.Array, factor: number): np.Array {
  const [size, , channels, features] = kernel.shape as [number, number, number, number];
  const reach = Math.ceil((size - 1) / 2 / factor);
  const small = 2 * reach + 1; // s
  // Whether tap `k` of large phase `a` falls on small tap `d`: 0 <= k + a - p - factor (d - reach) < factor.
  const taps = np.arange(size); // [k]
  const phases = np.arange(factor).reshape([factor, 1]); // [a, 1]
  const smallTaps = np.arange(small).reshape([small, 1, 1]); // [d, 1, 1]
  const place = taps
    .add(phases)
    .add(np.array(factor * reach - (size - 1) / 2, { dtype: np.int32 }))
    .sub(smallTaps.mul(np.array(factor, { dtype: np.int32 }))); // [d, a, k]
  const within = np.greaterEqual(place.ref, 0).mul(np.less(place, factor));
  const inside = asNumbers(within).reshape([small * factor, size]);

  const vertical = np.matmul(inside.ref, kernel.reshape([size, size * channels * features])); // [da, k C F]
  const across = np
    .moveaxis(vertical.reshape([small * factor, size, channels * features]), 1, 0)
    .reshape([size, small * factor * channels * features]);
  return np
    .matmul(inside, across)
    .reshape([small, factor, small, factor, channels, features]) // [e, b, d, a, C, F]
    .transpose([2, 0, 4, 3, 1, 5]) // [d, e, C, a, b, F]
    .reshape([small, small, channels, factor * factor * features]);
}
