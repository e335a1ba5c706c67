import { expected } from "../errors.ts";
import { bfloat16ToNumber, float16ToNumber, numberToFloat16 } from "./halfFloats.ts";

/** Element types in memory, in jax-js's names. */
export type HostDtype = "float32" | "int32" | "uint32" | "bool" | "float16";

/** The numbers of a tensor, row by row. bool is held as int32 0 or 1, float16 as float32. */
export type HostData =
  | Float32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>;

/** A tensor outside any device. */
export interface HostTensor {
  readonly dtype: HostDtype;
  readonly shape: readonly number[];
  readonly data: HostData;
}

interface FileDtype {
  /** Bytes per element. */
  readonly bytes: number;
  /** The type in memory: the widest that jax-js has on every device. */
  readonly host: HostDtype;
  /** The numbers in `buffer`, which is read as little-endian, as every engine's memory is. */
  decode(buffer: ArrayBuffer, where: string): HostData;
}

/**
 * The element types that are read, smallest alignment first: the order in which the Python library
 * lays tensors out, last one first. Complex numbers and floats of 8 bits and less are left out.
 */
const fileDtypes = {
  BOOL: {
    bytes: 1,
    host: "bool",
    decode: (buffer) => Int32Array.from(new Uint8Array(buffer), (byte) => (byte === 0 ? 0 : 1)),
  },
  U8: { bytes: 1, host: "int32", decode: (buffer) => Int32Array.from(new Uint8Array(buffer)) },
  I8: { bytes: 1, host: "int32", decode: (buffer) => Int32Array.from(new Int8Array(buffer)) },
  I16: { bytes: 2, host: "int32", decode: (buffer) => Int32Array.from(new Int16Array(buffer)) },
  U16: { bytes: 2, host: "int32", decode: (buffer) => Int32Array.from(new Uint16Array(buffer)) },
  F16: {
    bytes: 2,
    host: "float32",
    decode: (buffer) => Float32Array.from(new Uint16Array(buffer), float16ToNumber),
  },
  BF16: {
    bytes: 2,
    host: "float32",
    decode: (buffer) => Float32Array.from(new Uint16Array(buffer), bfloat16ToNumber),
  },
  I32: { bytes: 4, host: "int32", decode: (buffer) => new Int32Array(buffer) },
  U32: { bytes: 4, host: "uint32", decode: (buffer) => new Uint32Array(buffer) },
  F32: { bytes: 4, host: "float32", decode: (buffer) => new Float32Array(buffer) },
  F64: {
    bytes: 8,
    host: "float32",
    decode: (buffer) => new Float32Array(new Float64Array(buffer)),
  },
  I64: {
    bytes: 8,
    host: "int32",
    decode: (buffer, where) =>
      Int32Array.from(narrow(new BigInt64Array(buffer), -(2 ** 31), 2 ** 31 - 1, where)),
  },
  U64: {
    bytes: 8,
    host: "uint32",
    decode: (buffer, where) =>
      Uint32Array.from(narrow(new BigUint64Array(buffer), 0, 2 ** 32 - 1, where)),
  },
} satisfies Record<string, FileDtype>;

export type FileDtypeName = keyof typeof fileDtypes;

const fileNames: Record<HostDtype, FileDtypeName> = {
  bool: "BOOL",
  float16: "F16",
  int32: "I32",
  uint32: "U32",
  float32: "F32",
};

/** The element type that files call `name`. Throws if it is none that can be read. */
export function fileDtype(where: string, name: unknown): FileDtype {
  if (typeof name !== "string" || !Object.hasOwn(fileDtypes, name)) {
    throw expected(where, `a dtype out of ${Object.keys(fileDtypes).join(", ")}`, name);
  }
  return fileDtypes[name as FileDtypeName];
}

/** What files call the element type `dtype`, and its place in the order of alignments. */
export function fileName(dtype: HostDtype): { name: FileDtypeName; bytes: number; rank: number } {
  const name = fileNames[dtype];
  return { name, bytes: fileDtypes[name].bytes, rank: Object.keys(fileDtypes).indexOf(name) };
}

/** The bytes of `tensor`'s numbers in a file. */
export function encodeData({ dtype, data }: HostTensor): Uint8Array {
  if (dtype === "bool") return Uint8Array.from(data, (value) => (value === 0 ? 0 : 1));
  const stored = dtype === "float16" ? Uint16Array.from(data, numberToFloat16) : data;
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

function* narrow(
  values: BigInt64Array | BigUint64Array,
  min: number,
  max: number,
  where: string,
): Generator<number> {
  for (const value of values) {
    const number = Number(value);
    if (number < min || number > max)
      throw expected(where, `64-bit integers from ${min} to ${max}`, value);
    yield number;
  }
}
