import { numpy as np } from "@jax-js/jax";
import { checkNumber, expected } from "../errors.ts";
import { meanInGraph } from "./mean.ts";
import { checkNumbers } from "./numbers.ts";

/**
 * Mean squared error, `mean((a - b)^2)`, summed in double precision.
 *
 * @param a values of any unit, as many as `b`
 * @throws if the lengths differ or are 0
 */
export function meanSquaredError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkNumbers("meanSquaredError: a", a);
  checkNumbers("meanSquaredError: b", b);
  if (a.length !== b.length || a.length === 0) {
    throw expected("meanSquaredError: lengths", "two equal ones above 0", [a.length, b.length]);
  }
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return sum / a.length;
}

/**
 * Peak signal-to-noise ratio in dB: `10 log10(peak^2 / mse)`; infinity where nothing differs.
 *
 * @param mse mean squared error in squared units of the data
 * @param peak largest minus smallest possible value: 2 for data in [-1, 1], 255 for bytes
 */
export function psnr(mse: number, peak: number): number {
  checkNumber("psnr: mse", mse, 0);
  checkNumber("psnr: peak", peak, Number.MIN_VALUE);
  return 10 * Math.log10(peak ** 2 / mse);
}

/** `psnr` of two arrays as a traced scalar. Takes ownership of both. */
export function psnrInGraph(output: np.Array, target: np.Array, peak: number): np.Array {
  return psnrOf(meanInGraph(np.square(output.sub(target))), peak);
}

/** `psnr` of a mean squared error that is a traced scalar. Takes ownership. */
export function psnrOf(mse: np.Array, peak: number): np.Array {
  return np.log(mse.mul(1 / peak ** 2)).mul(-10 / Math.LN10);
}
