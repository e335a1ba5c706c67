import { numpy as np } from "@jax-js/jax";
import { asNumbers, settled, solid } from "../tracing.ts";

/**
 * 2-D convolution (cross-correlation) with stride 1 as a sum of shifted matrix products.
 *
 * The zero-padded images are laid end to end as one matrix of pixels `[M, C]`. In it, the pixel that
 * tap `(i, j)` of the kernel meets lies `i * rowLength + j` rows below the output's, wherever the
 * output is; so every tap is one matrix product with a window of that matrix, and the pixels that
 * hang over an image's edge are cut off at the end. Images share their padding: what lies right of
 * a row is the left padding of the next.
 *
 * Products, sums and cuts, forward and backward, are forms that jax-js runs with SIMD on Wasm; its
 * own convolution is about 15 times slower there. A matrix of all patches (im2col) costs more than it
 * saves: copying the patches takes as long as the shorter products save.
 *
 * @param x images `[B, H, W, C]`
 * @param kernel `[k, k, C, F]`
 * @param padding zeros on every side, less than `k`
 * @returns `[B, H + 2 padding - k + 1, W + 2 padding - k + 1, F]`
 */
export function convolve(x: np.Array, kernel: np.Array, padding: number): np.Array {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [size, , , features] = kernel.shape as [number, number, number, number];
  const [rows, rowLength] = [height + padding, width + padding];
  const pixels = batch * rows * rowLength; // M
  const tail = (size - 1) * (rowLength + 1);
  const edges = [0, 0] as [number, number];
  const before = [padding, 0] as [number, number];

  const padded = np.pad(x, [edges, before, before, edges]).reshape([pixels, channels]);
  const rowsAndTail = np.pad(padded, [[0, tail], edges]); // [M + tail, C]
  // What meets a matrix product is computed once anyway; the products of numbers would pad each time.
  const matrix = channels === 1 ? settled(solid(rowsAndTail)) : rowsAndTail;
  let sum: np.Array | undefined; // [M, F]
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const offset = i * rowLength + j;
      const window = matrix.ref.slice([offset, offset + pixels], []);
      const tap = kernel.ref.slice(i, j); // [C, F]
      // A product over one channel is a product of numbers, and fuses with the sum.
      const product = channels === 1 ? window.mul(tap) : np.matmul(window, tap);
      sum = sum ? sum.add(product) : product;
    }
  }
  matrix.dispose();
  kernel.dispose();
  return settled(sum as np.Array)
    .reshape([batch, rows, rowLength, features])
    .slice([], [0, height + 2 * padding - size + 1], [0, width + 2 * padding - size + 1], []);
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
