import { type Pixels, type Similarity, similarity } from "./ssim.ts";

export type { Pixels, Similarity };

/** Gathers how much alike pictures are, picture by picture. */
export interface SimilarityMeter {
  add(original: Pixels, other: Pixels): void;
  /** Means over the pictures that are large enough; see `similarity`. */
  means(): Similarity;
}

export function similarityMeter(): SimilarityMeter {
  const sums = { ssim: { sum: 0, count: 0 }, msSsim: { sum: 0, count: 0 } };
  const names = ["ssim", "msSsim"] as const;
  return {
    add(original, other) {
      const found = similarity(original, other);
      for (const name of names) {
        const value = found[name];
        if (value === undefined) continue;
        sums[name].sum += value;
        sums[name].count++;
      }
    },
    means: () =>
      Object.fromEntries(
        names
          .filter((name) => sums[name].count > 0)
          .map((name) => [name, sums[name].sum / sums[name].count]),
      ),
  };
}

/** The sum of the squared errors of two pictures. */
export function squaredErrors(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}
