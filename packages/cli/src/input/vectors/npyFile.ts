import { npyHeader } from "vector-quantize/data";
import { Failure } from "../../failure.ts";
import { openInput } from "../../output/files.ts";

/** Bytes of the file that are in memory beside its numbers. */
const PART = 2 ** 24;
/** Bytes that the header of any file fits in that has no fields. */
const HEAD = 2 ** 16;

/**
 * The numbers of a .npy file of any type as float32, without another copy of them: a file of a gigabyte takes one
 * and 16 MB.
 */
export async function readNpyFloats(
  path: string,
): Promise<{ shape: readonly number[]; values: Float32Array<ArrayBuffer> }> {
  const file = await openInput(path);
  try {
    const { size: length } = await file.stat();
    const { shape, begin, size, itemSize, read } = npyHeader(
      await bytesAt(file, 0, Math.min(HEAD, length)),
      path,
    );
    if (begin + size !== length) {
      throw new Failure(`${path}: [${shape}]: expected ${size} bytes, got ${length - begin}`);
    }
    const values = new Float32Array(size / itemSize);
    for (let at = 0; at < size; at += PART) {
      const part = await bytesAt(file, begin + at, Math.min(PART, size - at));
      values.set(read(part), at / itemSize);
    }
    return { shape, values };
  } finally {
    await file.close();
  }

  async function bytesAt(from: typeof file, position: number, length: number) {
    const bytes = new Uint8Array(length);
    let got = 0;
    while (got < length) {
      const { bytesRead } = await from.read(bytes, got, length - got, position + got);
      if (bytesRead === 0) throw new Failure(`${path}: expected ${length - got} bytes more`);
      got += bytesRead;
    }
    return bytes;
  }
}
