import { extname } from "node:path";
import { Failure, UsageFailure } from "../../failure.ts";
import type { Vectors } from "./matrix.ts";
import { readNpyFloats } from "./npyFile.ts";
import { readParquetFloats } from "./parquetFile.ts";

/**
 * Reads vectors as float32: a .npy file `[N, D]`, or columns of a Parquet file, side by side.
 *
 * @param columns names of Parquet columns; all if none are given
 */
export async function readVectors(path: string, columns?: readonly string[]): Promise<Vectors> {
  const isParquet = extname(path).toLowerCase() === ".parquet";
  if (columns !== undefined && !isParquet) {
    throw new UsageFailure(`--columns: expected a .parquet file, got ${path}`);
  }
  const found = isParquet ? await readParquetFloats(path, columns) : await readMatrix(path);
  if (found.rows * found.dim === 0) throw new Failure(`${path}: expected vectors, got none`);
  return found;
}

/** Numbers of this size and more have no codes. */
const LIMIT = 2 ** 50;

/** Throws for vectors that can't be compared. */
export function checkComparable(path: string, { dim, values }: Vectors): void {
  const at = values.findIndex((value) => !(Math.abs(value) < LIMIT));
  if (at < 0) return;
  const what = "finite numbers of a size below 2^50";
  throw new Failure(`${path}: row ${Math.floor(at / dim)}: expected ${what}, got ${values[at]}`);
}

async function readMatrix(path: string): Promise<Vectors> {
  const { shape, values } = await readNpyFloats(path);
  const [rows, dim, ...others] = shape;
  if (rows === undefined || dim === undefined || others.length > 0) {
    throw new Failure(`${path}: expected vectors [N, D], got [${shape.join(", ")}]`);
  }
  return { rows, dim, values };
}
