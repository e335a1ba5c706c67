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

/** Which numbers are too large. */
export interface LimitOption {
  /** Numbers of this size and more make a vector invalid, as infinities do. Default Infinity. */
  readonly limit?: number;
}

/** Throws unless `limit` is a size. */
export function checkLimit(where: string, limit: unknown): asserts limit is number {
  if (typeof limit !== "number" || !(limit > 0)) throw expected(where, "a number above 0", limit);
}

/** `vectors` with NaN in place of the numbers of size `limit` and more. */
export function refuseNumbers(vectors: Float32Array, limit: number): Float32Array {
  if (limit === Number.POSITIVE_INFINITY) return vectors;
  return vectors.map((value) => (Math.abs(value) < limit ? value : Number.NaN));
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
  limit = Number.POSITIVE_INFINITY,
): Error {
  const own = vectors.subarray(row * dim, (row + 1) * dim);
  const value = own.find((each) => !(Math.abs(each) < limit)); // NaN too
  return expected(
    `${where}: vectors, row ${row}`,
    limit === Number.POSITIVE_INFINITY ? "finite numbers" : `numbers of a size below ${limit}`,
    value,
    'With `invalid: "mark"` such rows get index -1',
  );
}

/** Where the first number is that is NaN or infinite; -1: nowhere. */
export function firstNotFinite(values: Float32Array): number {
  // 0 times anything finite is 0. Four sums, so that one addition need not wait for another.
  let [a, b, c, d] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < values.length; i += 4) {
    a += values[i]! * 0;
    b += values[i + 1]! * 0;
    c += values[i + 2]! * 0;
    d += values[i + 3]! * 0;
  }
  for (; i < values.length; i++) a += values[i]! * 0;
  return a + b + c + d === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value));
}
