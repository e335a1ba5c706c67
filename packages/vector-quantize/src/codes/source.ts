import { checkBytes, expected, VectorQuantizeError } from "../errors.ts";

/** Something of which any part can be read, such as a file. */
export interface VqSource {
  /** Its bytes. */
  readonly size: number;
  /** Reads so many bytes from `offset` on. */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
}

/** A file that Node has opened: what `open` of `node:fs/promises` gives. */
export interface VqFileHandle {
  /** What tells it from a `VqSource`. */
  readonly size?: undefined;
  stat(): Promise<{ readonly size: number }>;
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
}

/** What a file can be read from. */
export type VqInput = Uint8Array | Blob | VqFileHandle | VqSource;

/** Any input as one kind; what it reads is as long as was asked for. */
export async function sourceOf(where: string, input: VqInput): Promise<VqSource> {
  const { size, read } = await anySource(where, input);
  return {
    size,
    async read(offset, length) {
      if (offset + length > size) {
        const got = `a file of ${size}`;
        throw new VectorQuantizeError(`${where}: expected ${offset + length} bytes, got ${got}`);
      }
      const bytes = await read(offset, length);
      if (bytes.length === length) return bytes;
      throw expected(`${where}: at ${offset}`, `${length} bytes`, bytes.length);
    },
  };
}

async function anySource(where: string, input: VqInput): Promise<VqSource> {
  if (typeof input !== "object" || input === null) {
    throw expected(where, "a Uint8Array, a Blob, an open file or { size, read }", input);
  }
  if ("arrayBuffer" in input) {
    const slice = (offset: number, length: number) => input.slice(offset, offset + length);
    return {
      size: input.size,
      read: async (...part) => new Uint8Array(await slice(...part).arrayBuffer()),
    };
  }
  if ("stat" in input) return handleSource(input);
  if ("read" in input) return { size: input.size, read: (...part) => input.read(...part) };
  checkBytes(where, input);
  return { size: input.length, read: (at, length) => input.subarray(at, at + length) };
}

async function handleSource(handle: VqFileHandle): Promise<VqSource> {
  const { size } = await handle.stat();
  return {
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    },
  };
}
