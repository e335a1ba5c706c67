import { promisify } from "node:util";
import { constants, gunzip } from "node:zlib";
import { idxBytes, npyBytes } from "vector-quantize/data";
import { Failure } from "../failure.ts";

/** Most bytes that a gzipped file may unpack to. */
const most = 2 ** 30;
/** As much of the packed file as a header can need. */
const head = 4096;

const unpack = promisify(gunzip) as typeof gunzip.__promisify__;

/** Whether a file is gzipped. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unpacks an array file. A few packed bytes can stand for any number of them: no more is unpacked than
 * the array's own header says, and no more than 1 GiB.
 */
export async function unpackArray(packed: Uint8Array, path: string): Promise<Uint8Array> {
  try {
    const begin = await unpack(packed.subarray(0, head), { finishFlush: constants.Z_SYNC_FLUSH });
    const size = idxBytes(begin) ?? npyBytes(begin) ?? 0;
    if (size === 0 && begin.length > 0) return begin; // no array: its parser will tell
    if (size > most) {
      throw new Failure(
        `${path}: expected at most ${most} bytes when unpacked, got ${size} by its header. Unpack it with gunzip first`,
      );
    }
    return await unpack(packed, { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ERR_BUFFER_TOO_LARGE" ? "more bytes than its header says" : message;
    throw new Failure(`${path}: expected an intact gzip file, got ${why}`);
  }
}
