import type { Pool } from "../engine/pool.ts";

/** How vectors are cut into parts, and by which draws and where their codes are fitted. */
export interface PartShape {
  readonly dim: number;
  readonly parts: number;
  readonly codebookSize: number;
  readonly seed: number;
  readonly pool?: Pool | undefined;
}

/** One part of all vectors, `[N, width]`. */
export function partOfVectors(
  vectors: Float32Array,
  dim: number,
  width: number,
  part: number,
): Float32Array {
  const rows = vectors.length / dim;
  const own = new Float32Array(rows * width);
  for (let n = 0; n < rows; n++) {
    const from = n * dim + part * width;
    for (let i = 0; i < width; i++) own[n * width + i] = vectors[from + i]!;
  }
  return own;
}
