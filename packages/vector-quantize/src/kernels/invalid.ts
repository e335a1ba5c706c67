import { expected } from "../errors.ts";
import { checkFloats } from "./arguments.ts";

/** What becomes of a vector that holds no usable numbers. */
export interface InvalidOption {
  /**
   * "throw" raises an error that names the row, "mark" gives it index -1 and counts it in
   * `invalidRows`. Default "throw".
   */
  readonly invalid?: "throw" | "mark";
}

/** The number of vectors of `dim` features; throws unless `vectors` holds whole ones. */
export function countRows(where: string, vectors: Float32Array, dim: number): number {
  checkFloats(`${where}: vectors`, vectors);
  if (vectors.length % dim !== 0) {
    throw expected(`${where}: vectors length`, `a multiple of dim ${dim}`, vectors.length);
  }
  return vectors.length / dim;
}

/** The error for the first invalid value of `row`. */
export function invalidRow(
  where: string,
  vectors: Float32Array,
  dim: number,
  row: number,
  isValid: (value: number) => boolean = Number.isFinite,
): Error {
  const value = vectors.subarray(row * dim, (row + 1) * dim).find((each) => !isValid(each));
  return expected(
    `${where}: vectors, row ${row}`,
    "finite numbers",
    value,
    'With `invalid: "mark"` such rows get index -1',
  );
}
