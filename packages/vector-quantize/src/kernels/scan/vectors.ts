import { checkChoice, expected } from "../../errors.ts";
import { checkFloats } from "../arguments.ts";
import { countRows } from "../invalid.ts";
import type { CodeMetric } from "./codeQuantizer.ts";

/** Numbers of this size have no estimate: their squares would leave float32. */
const LIMIT = 2 ** 50;

/** The number of vectors; throws unless they are whole, and usable. */
export function checkUsable(where: string, vectors: Float32Array, dim: number): number {
  const rows = countRows(where, vectors, dim);
  for (let i = 0; i < vectors.length; i++) {
    if (Math.abs(vectors[i]!) < LIMIT) continue;
    throw expected(
      `${where}: vectors, row ${Math.floor(i / dim)}`,
      "finite numbers of a size below 2^50",
      vectors[i],
    );
  }
  return rows;
}

/** Vectors of length 1; zeros stay zeros, and so short ones that float32 has no 1 / length become zeros. */
export function unitVectors(vectors: Float32Array, dim: number): Float32Array<ArrayBuffer> {
  const units = vectors.slice();
  for (let first = 0; first < units.length; first += dim) {
    const scale = unitScale(units, first, dim);
    for (let i = first; i < first + dim; i++) units[i]! *= scale;
  }
  return units;
}

/** What the vector from `first` on is multiplied by to have length 1; 0 for zeros, and where float32 has no such number. */
function unitScale(vectors: Float32Array, first: number, dim: number): number {
  let squares = 0;
  for (let i = first; i < first + dim; i++) squares += vectors[i]! * vectors[i]!;
  const scale = Math.fround(1 / Math.sqrt(squares));
  return scale < Number.POSITIVE_INFINITY ? scale : 0;
}

/**
 * The mean of vectors, `[D]`: a center for `rabitq`.
 *
 * @param vectors `[N, D]`
 * @param metric `cosine`: the mean of the vectors made of length 1, which its codes are of. Default "euclidean"
 * @throws for another metric, another length, and numbers that are not finite or of a size of 2^50 or more
 */
export function meanVector(
  vectors: Float32Array,
  dim: number,
  metric: CodeMetric = "euclidean",
): Float32Array<ArrayBuffer> {
  checkChoice("meanVector: metric", metric, ["euclidean", "dot", "cosine"]);
  checkFloats("meanVector: vectors", vectors);
  const rows = checkUsable("meanVector", vectors, dim);
  const sums = new Float64Array(dim);
  for (let first = 0; first < vectors.length; first += dim) {
    const scale = metric === "cosine" ? unitScale(vectors, first, dim) : 1;
    for (let i = 0; i < dim; i++) sums[i]! += scale * vectors[first + i]!;
  }
  return Float32Array.from(sums, (sum) => sum / Math.max(1, rows));
}
