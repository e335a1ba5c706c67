import { checkBytes, expected } from "../errors.ts";
import type { NumericArray } from "./images.ts";

const unsignedByte = 0x08;

/**
 * Reads an IDX file of unsigned bytes, the format of the MNIST family: two zero bytes, the element
 * type, the number of axes, the sizes (32 bits, big-endian), the numbers.
 *
 * @param bytes the file, decompressed.
 * @param where what errors call it: usually the file's name.
 * @throws VectorQuantizeError if the file is truncated, too long, or holds another type.
 * @see http://yann.lecun.com/exdb/mnist
 */
export function parseIdx(bytes: Uint8Array, where = "idx"): NumericArray {
  checkBytes(where, bytes);
  const { shape, begin, size } = readHeader(bytes, where);
  const got = bytes.length - begin;
  if (got !== size) throw expected(`${where}: [${shape}]`, `${size} bytes`, got);
  return { shape, data: bytes.subarray(begin) };
}

/**
 * How long an IDX file is by its header, to be asked before all of it is unpacked.
 *
 * @param head the first bytes of the file.
 * @returns bytes of the whole file; undefined if `head` holds no whole header that `parseIdx` takes.
 */
export function idxBytes(head: Uint8Array): number | undefined {
  try {
    const { begin, size } = readHeader(head, "idx");
    return begin + size;
  } catch {
    return undefined;
  }
}

function readHeader(bytes: Uint8Array, where: string) {
  const [first, second, type, axes = 0] = bytes;
  if (first !== 0 || second !== 0 || bytes.length < 4) {
    const got = [...bytes.subarray(0, 4)];
    throw expected(where, "an IDX file, which begins with two zero bytes", got);
  }
  if (type !== unsignedByte) {
    throw expected(`${where}: element type`, `${unsignedByte} (unsigned bytes)`, type);
  }
  const begin = 4 + 4 * axes;
  if (bytes.length < begin) {
    throw expected(where, `a header of ${begin} bytes`, bytes.length);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  return { shape, begin, size: shape.reduce((product, count) => product * count, 1) };
}
