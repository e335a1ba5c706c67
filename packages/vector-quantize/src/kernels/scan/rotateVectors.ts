import { scanKernels } from "../engine/binaries/scan.ts";
import { defaultPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import { runInParts } from "../engine/parts.ts";
import type { Pool } from "../engine/pool.ts";
import { turnReference } from "./productCodes.reference.ts";

/** A matrix with rows of a multiple of 16 numbers, as the kernels read it. */
export function wideMatrix(matrix: Float32Array, dim: number): Float32Array {
  const step = Math.ceil(dim / 16) * 16;
  const padded = new Float32Array(dim * step);
  for (let row = 0; row < dim; row++) {
    padded.set(matrix.subarray(row * dim, (row + 1) * dim), row * step);
  }
  return padded;
}

/** Rows `[N, D]`, made of length 1 if `unit`, times a matrix `[D, D]` if there is one. */
export async function rotateVectors(
  vectors: Float32Array,
  matrix: Float32Array | undefined,
  { dim, unit = false, pool: given }: { dim: number; unit?: boolean; pool?: Pool | undefined },
): Promise<Float32Array> {
  if (matrix === undefined && !unit) return vectors;
  if (!supports("plain")) return turnReference(vectors, dim, unit, matrix);
  const pool = given ?? defaultPool();
  const rows = vectors.length / dim;
  const turned = new Float32Array(vectors.length);
  await pool.exclusive(async (scope) => {
    const { multiplyRows } = await pool.load(scanKernels, pool.form);
    const at = matrix === undefined ? 0 : scope.copyOf(wideMatrix(matrix, dim));
    const outside = { rows, from: vectors, to: [turned] };
    await runInParts(pool, scope, multiplyRows, outside, (n, x, to) => ({
      chunkRows: 16,
      work: 2 * n * dim * (at === 0 ? 1 : dim),
      scratch: 16 * (dim + 16),
      args: [x, dim, unit ? 1 : 0, at, to as number],
    }));
  });
  return turned;
}
