import { stat } from "node:fs/promises";
import zlib from "node:zlib";
import { Failure } from "../../failure.ts";
import { checkRegular, reason } from "../../output/files.ts";
import type { Vectors } from "./matrix.ts";

type Options = Parameters<typeof import("hyparquet")["parquetScan"]>[0];

/** Where a column's numbers go: from `offset` on in every row. */
interface Place {
  readonly name: string;
  readonly offset: number;
  readonly width: number;
}

/**
 * Columns of a Parquet file side by side, as float32: numbers, or lists of as many in every row. One column of a
 * group of rows is unpacked at a time.
 *
 * @param wanted names of the columns, in the order wanted. Default: all
 */
export async function readParquetFloats(
  path: string,
  wanted?: readonly string[],
): Promise<Vectors> {
  const { asyncBufferFromFile, parquetScan, parquetSchema } = await import("hyparquet");
  await checkFile(path);
  const failed = (error: unknown): never => {
    throw new Failure(`${path}: expected a Parquet file that can be read, got ${reason(error)}`);
  };
  const file = await asyncBufferFromFile(path);
  const { metadata, ranges } = await parquetScan({ file }).catch(failed);
  const known = parquetSchema(metadata).children.map(({ element }) => element.name);
  const names = wanted ?? known;
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new Failure(`${path}: column "${name}": expected one of ${known.join(", ")}`);
  }
  /** What a column has in some rows. */
  const read = async (name: string, rowStart: number, rowEnd: number) => {
    // A scan of its own: one keeps what it has read.
    const scan = { ...{ file, metadata, columns: [name], useOffsetIndex: false }, compressors };
    const column = await parquetScan(scan)
      .then(({ readColumn }) => readColumn({ column: name, rowStart, rowEnd }))
      .catch(failed);
    if (column.length === rowEnd - rowStart) return column;
    throw new Failure(
      `${path}: column "${name}": expected ${rowEnd - rowStart} rows, got ${column.length}`,
    );
  };

  const rows = Number(metadata.num_rows);
  const told = ranges.reduce((sum, { rowStart, rowEnd }) => sum + rowEnd - rowStart, 0);
  if (told !== rows) throw new Failure(`${path}: expected ${rows} rows in its groups, got ${told}`);
  if (rows === 0) return { rows, dim: 0, values: new Float32Array(0) };
  const places: Place[] = [];
  let dim = 0;
  for (const name of names) {
    const [value] = await read(name, 0, 1);
    const width = isList(value) ? value.length : 1;
    places.push({ name, offset: dim, width });
    dim += width;
  }
  const values = floats(rows * dim) ?? failed(new Error(`${rows} rows of ${dim} numbers`));
  for (const { name, offset, width } of places) {
    for (const { rowStart, rowEnd } of ranges) {
      const column = await read(name, rowStart, rowEnd);
      for (let row = rowStart; row < rowEnd; row++) {
        const where = () => `${path}: column "${name}", row ${row}`;
        putValue(values, row * dim + offset, column[row - rowStart], width, where);
      }
    }
  }
  return { rows, dim, values };
}

/** Room for so many numbers, or none where there is not as much. */
function floats(length: number): Float32Array<ArrayBuffer> | undefined {
  try {
    return new Float32Array(length);
  } catch {
    return undefined;
  }
}

const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

/** Puts a number, or a list of `width` numbers, in its place. */
function putValue(
  values: Float32Array,
  at: number,
  value: unknown,
  width: number,
  where: () => string,
): void {
  const list = isList(value) ? value : [value];
  if (list.length !== width) {
    const got = value === null || value === undefined ? "none" : list.length;
    throw new Failure(`${where()}: expected ${width} numbers as in row 0, got ${got}`);
  }
  for (let i = 0; i < width; i++) {
    const number = list[i];
    if (typeof number !== "number" && typeof number !== "bigint") {
      throw new Failure(
        `${where()}: expected a number, got ${number === null || number === undefined ? "none" : typeof number}. ` +
          "--columns names those with numbers",
      );
    }
    values[at + i] = Number(number);
  }
}

/** What Node unpacks; Snappy, which most files have, is hyparquet's own. */
const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (bytes: Uint8Array) => Uint8Array };
const compressors: NonNullable<Options["compressors"]> = {
  GZIP: (bytes) => zlib.gunzipSync(bytes),
  BROTLI: (bytes) => zlib.brotliDecompressSync(bytes),
  ZSTD: (bytes) => {
    if (zstdDecompressSync) return zstdDecompressSync(bytes);
    throw new Error("one packed by zstd, which Node 22.15 and newer unpack");
  },
};

async function checkFile(path: string): Promise<void> {
  try {
    checkRegular(await stat(path));
  } catch (error) {
    throw new Failure(`${path}: expected a readable file, got ${reason(error)}`);
  }
}
