import { psnr } from "vector-quantize";
import { type Pixels, similarity } from "./ssim.ts";

/** How far pictures are from their originals. */
export interface Distortion {
  /** In dB, of the mean squared error over all pixels. */
  readonly psnr: number;
  /** Means over the pictures that are large enough; see `similarity`. */
  readonly ssim?: number;
  readonly msSsim?: number;
}

/** Gathers distortions, picture by picture. */
export interface DistortionMeter {
  add(original: Pixels, other: Pixels): void;
  result(): Distortion;
}

export function distortionMeter(): DistortionMeter {
  let [squares, values] = [0, 0];
  const similarities = { ssim: { sum: 0, count: 0 }, msSsim: { sum: 0, count: 0 } };
  const names = ["ssim", "msSsim"] as const;
  return {
    add(original, other) {
      const [a, b] = [original.pixels, other.pixels];
      let sum = 0;
      for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
      squares += sum;
      values += a.length;
      const found = similarity(original, other);
      for (const name of names) {
        const value = found[name];
        if (value === undefined) continue;
        similarities[name].sum += value;
        similarities[name].count++;
      }
    },
    result() {
      const means = names
        .filter((name) => similarities[name].count > 0)
        .map((name) => [name, similarities[name].sum / similarities[name].count]);
      return { psnr: psnr(squares / values, 255), ...Object.fromEntries(means) };
    },
  };
}
