import { sampleDistinct, uniformFrom } from "../clustering/uniform.ts";

/** So many of the vectors, drawn without repetition; all, if there are no more. */
export function sampleRows(
  vectors: Float32Array,
  dim: number,
  most: number,
  seed: number,
): Float32Array {
  const rows = vectors.length / dim;
  if (rows <= most) return vectors;
  const chosen = sampleDistinct(uniformFrom(seed), rows, most);
  const sample = new Float32Array(most * dim);
  for (const [i, row] of chosen.entries()) {
    sample.set(vectors.subarray(row * dim, (row + 1) * dim), i * dim);
  }
  return sample;
}
