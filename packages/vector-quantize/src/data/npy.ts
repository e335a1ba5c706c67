import { checkBytes, expected } from "../errors.ts";
import { floatsOfHalves } from "./halves.ts";

/** Numbers that a .npy file is read into. 64-bit integers are read as int32, float16 as float32. */
export type NpyData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** An array of a .npy file, in C order. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: NpyData;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // "\x93NUMPY"

const readers: Record<string, (buffer: ArrayBuffer, where: string) => NpyData> = {
  "|b1": (buffer) => new Uint8Array(buffer),
  "|u1": (buffer) => new Uint8Array(buffer),
  "|i1": (buffer) => new Int8Array(buffer),
  "<u2": (buffer) => new Uint16Array(buffer),
  "<i2": (buffer) => new Int16Array(buffer),
  "<u4": (buffer) => new Uint32Array(buffer),
  "<i4": (buffer) => new Int32Array(buffer),
  "<i8": (buffer, where) => Int32Array.from(narrow(new BigInt64Array(buffer), where)),
  "<f2": (buffer) => floatsOfHalves(new Uint16Array(buffer)),
  "<f4": (buffer) => new Float32Array(buffer),
  "<f8": (buffer) => new Float64Array(buffer),
};

/**
 * Reads a NumPy array file, versions 1 to 3, C order, little-endian.
 *
 * @param bytes the file.
 * @param where what errors call it: usually the file's name.
 * @throws VectorQuantizeError if the file is damaged, truncated, in Fortran order, or of another type.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function parseNpy(bytes: Uint8Array, where = "npy"): NpyArray {
  checkBytes(where, bytes);
  const { read, shape, begin, size } = readHeader(bytes, where);
  const got = bytes.length - begin;
  if (got !== size) throw expected(`${where}: [${shape}]`, `${size} bytes`, got);
  return { shape, data: read(new Uint8Array(bytes.subarray(begin)).buffer, where) };
}

/**
 * How long a .npy file is by its header, to be asked before all of it is unpacked.
 *
 * @param head the first bytes of the file.
 * @returns bytes of the whole file; undefined if `head` holds no whole header that `parseNpy` takes.
 */
export function npyBytes(head: Uint8Array): number | undefined {
  try {
    const { begin, size } = readHeader(head, "npy");
    return begin + size;
  } catch {
    return undefined;
  }
}

/** What a .npy file's header tells. */
export interface NpyHeader {
  readonly shape: readonly number[];
  /** Where the numbers begin, and how many bytes they are. */
  readonly begin: number;
  readonly size: number;
  /** Bytes of one number. */
  readonly itemSize: number;
  /** The numbers that whole ones of these bytes are. */
  read(bytes: Uint8Array): NpyData;
}

/**
 * Reads the header of a .npy file, for files that are read a part at a time.
 *
 * @param head the first bytes of the file, with all of its header: NumPy's are 128 bytes, the format's 64 KB at most.
 * @param where what errors call it: usually the file's name.
 * @throws VectorQuantizeError as `parseNpy` does.
 */
export function npyHeader(head: Uint8Array, where = "npy"): NpyHeader {
  checkBytes(where, head);
  const { read, ...header } = readHeader(head, where);
  return { ...header, read: (bytes) => read(new Uint8Array(bytes).buffer, where) };
}

function readHeader(bytes: Uint8Array, where: string) {
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte)) {
    throw expected(where, "a .npy file, which begins with \\x93NUMPY", [...bytes.subarray(0, 6)]);
  }
  const major = bytes[6] as number;
  if (major < 1 || major > 3) throw expected(`${where}: format version`, "1, 2 or 3", major);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const lengthBytes = major === 1 ? 2 : 4;
  const begin = 8 + lengthBytes + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bytes.length < begin) {
    throw expected(where, `a header of ${begin} bytes`, bytes.length);
  }
  const header = new TextDecoder().decode(bytes.subarray(8 + lengthBytes, begin));
  const { descr, fortran, shape } = parseText(header, where);
  if (fortran) {
    throw expected(where, "an array in C order", "Fortran order", "Save np.ascontiguousarray(x)");
  }
  const read = Object.hasOwn(readers, descr) ? readers[descr] : undefined;
  if (read === undefined) {
    const known = Object.keys(readers).join(", ");
    throw expected(`${where}: dtype`, `one of ${known}`, descr, "Save x.astype(...)");
  }
  const itemSize = Number(descr.slice(2));
  const size = shape.reduce((product, count) => product * count, itemSize);
  return { read, shape, begin, size, itemSize };
}

/**
 * Writes a NumPy array file, version 1, C order.
 *
 * @throws VectorQuantizeError if the numbers don't fill the shape.
 */
export function writeNpy({ shape, data }: NpyArray): Uint8Array<ArrayBuffer> {
  const size = shape.reduce((product, count) => product * count, 1);
  if (data.length !== size) {
    throw expected("writeNpy", `${size} numbers for shape [${shape}]`, data.length);
  }
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${descrOf(data)}', 'fortran_order': False, 'shape': (${axes}), }`;
  // NumPy pads so that the numbers begin at a multiple of 64.
  const begin = Math.ceil((10 + text.length + 1) / 64) * 64;
  const out = new Uint8Array(begin + data.byteLength);
  out.set([...magic, 1, 0]);
  new DataView(out.buffer).setUint16(8, begin - 10, true);
  out.set(new TextEncoder().encode(`${text.padEnd(begin - 11)}\n`), 10);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), begin);
  return out;
}

/** The header is the text of a Python dict with three keys. */
function parseText(header: string, where: string) {
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (descr === undefined || fortran === undefined || shape === undefined) {
    throw expected(`${where}: header`, "descr (one type), fortran_order and shape", header.trim());
  }
  const sizes = shape.split(",").filter((size) => size.trim() !== "");
  return { descr, fortran: fortran === "True", shape: sizes.map(Number) };
}

/** Types of numbers by the kind of their typed array. */
const descrs: Readonly<Record<string, string>> = {
  Uint8Array: "|u1",
  Uint8ClampedArray: "|u1",
  Int8Array: "|i1",
  Uint16Array: "<u2",
  Int16Array: "<i2",
  Uint32Array: "<u4",
  Int32Array: "<i4",
  BigInt64Array: "<i8",
  Float32Array: "<f4",
  Float64Array: "<f8",
};

function descrOf(data: NpyData): string {
  const descr = descrs[data[Symbol.toStringTag]];
  if (descr === undefined) throw expected("writeNpy: data", "a typed array", data);
  return descr;
}

function* narrow(values: BigInt64Array, where: string): Generator<number> {
  for (const value of values) {
    const number = Number(value);
    if (number !== (number | 0)) {
      throw expected(where, "64-bit integers that fit into 32 bits", value);
    }
    yield number;
  }
}
