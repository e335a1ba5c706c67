import { type FileHandle, open } from "node:fs/promises";
import { Failure, oneLine } from "../../failure.ts";
import { checkRegular, reason } from "../../output/files.ts";
import { type Compression, compressionOf, decodedPieces } from "./compressed.ts";
import { wavPieces } from "./wav.ts";
import { type ReadAt, readWavHeader } from "./wavHeader.ts";

/** What a model of sounds takes: their rate, and the samples of the pieces that it was trained on. */
export interface SoundSize {
  readonly sampleRate: number;
  readonly samples: number;
}

/** A sound in a file, mixed down to one channel. */
export interface SoundFile {
  readonly path: string;
  readonly sampleRate: number;
  /** Samples: of WAV files as they are, of others judged by their first piece. */
  readonly length: number;
  /** Samples of about -1 to 1, from `from` on. */
  pieces(from?: number): AsyncGenerator<Float32Array<ArrayBuffer>>;
}

/** Bytes by which the kind of a file is told. */
const headBytes = 512;
/** Bytes that a decoder is given at once. */
const pieceBytes = 2 ** 14;

/** Opens a file: its header is read, and of a compressed one the first piece. */
export async function openSound(path: string): Promise<SoundFile> {
  return readable(path, async () => {
    await using file = await openFile(path);
    const head = await file.read(0, headBytes);
    const compression = compressionOf(head);
    if (compression !== undefined) return await openCompressed(path, compression, file);
    const header = await readWavHeader(file.read, file.bytes);
    const { sampleRate, length } = header;
    const pieces = (from?: number) => fromFile(path, ({ read }) => wavPieces(read, header, from));
    return { path, sampleRate, length, pieces };
  });
}

async function openCompressed(path: string, kind: Compression, file: OpenFile): Promise<SoundFile> {
  for await (const { sampleRate, samples, bytes } of decodedPieces(kind, bytesOf(file))) {
    const length = Math.ceil((samples.length / bytes) * file.bytes);
    const pieces = (from = 0) =>
      fromFile(path, async function* (opened) {
        let at = 0;
        for await (const piece of decodedPieces(kind, bytesOf(opened))) {
          const skip = Math.max(0, from - at);
          at += piece.samples.length;
          if (skip < piece.samples.length) yield piece.samples.subarray(skip);
        }
      });
    return { path, sampleRate, length, pieces };
  }
  throw new Failure("expected samples, got none");
}

interface OpenFile extends AsyncDisposable {
  readonly bytes: number;
  readonly read: ReadAt;
}

async function openFile(path: string): Promise<OpenFile> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    const found = await handle.stat();
    checkRegular(found);
    const opened = handle;
    return {
      bytes: found.size,
      async read(offset, bytes) {
        const into = new Uint8Array(bytes);
        const { bytesRead } = await opened.read(into, 0, bytes, offset);
        return into.subarray(0, bytesRead);
      },
      [Symbol.asyncDispose]: () => opened.close(),
    };
  } catch (error) {
    await handle?.close();
    throw new Failure(`expected a readable file, got ${reason(error)}`);
  }
}

async function* bytesOf({ bytes, read }: OpenFile): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; at += pieceBytes) yield await read(at, pieceBytes);
}

/** What is read of a file that is open as long as somebody reads. */
async function* fromFile<T>(
  path: string,
  read: (file: OpenFile) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const file = await readable(path, () => openFile(path));
  try {
    yield* read(file);
  } catch (error) {
    throw named(path, error);
  } finally {
    await file[Symbol.asyncDispose]();
  }
}

async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw named(path, error);
  }
}

function named(path: string, error: unknown): Failure {
  if (error instanceof Failure) return new Failure(`${path}: ${error.message}`);
  const why = error instanceof Error ? oneLine(error.message) : String(error);
  return new Failure(`${path}: expected a readable sound, got ${why}`);
}
