import { checkBytes, VectorQuantizeError } from "../errors.ts";

/** Bytes as they arrive. */
export type VqStream =
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>;

/** Takes as many bytes as are wanted from parts of any size. No more is held than was asked for. */
export class ByteStream {
  private readonly parts: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  private readonly where: string;
  private part = new Uint8Array(0) as Uint8Array;

  constructor(where: string, stream: VqStream) {
    this.where = where;
    this.parts = partsOf(stream);
  }

  /** The next bytes, so many. */
  async take(length: number, what: string): Promise<Uint8Array> {
    if (length <= this.part.length) return this.cut(length);
    const parts: Uint8Array[] = [];
    for (let left = length; left > 0; ) {
      const part = await this.some(left, what);
      parts.push(part);
      left -= part.length;
    }
    const all = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  /** Lets so many bytes pass. */
  async skip(length: number, what: string): Promise<void> {
    for (let left = length; left > 0; ) left -= (await this.some(left, what)).length;
  }

  /** Whether nothing more comes. */
  async ended(): Promise<boolean> {
    return !(await this.more());
  }

  /** Lets go of what is read. */
  async close(): Promise<void> {
    await this.parts.return?.();
  }

  private cut(length: number): Uint8Array {
    const bytes = this.part.subarray(0, length);
    this.part = this.part.subarray(length);
    return bytes;
  }

  /** From 1 to `most` bytes. */
  private async some(most: number, what: string): Promise<Uint8Array> {
    if (await this.more()) return this.cut(Math.min(most, this.part.length));
    throw new VectorQuantizeError(`${what}: expected ${most} more bytes, got the end of the file`);
  }

  private async more(): Promise<boolean> {
    while (this.part.length === 0) {
      const { value, done } = await this.parts.next();
      if (done) return false;
      checkBytes(`${this.where}: a part of the stream`, value);
      this.part = value;
    }
    return true;
  }
}

function partsOf(stream: VqStream): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  if (Symbol.asyncIterator in stream) return stream[Symbol.asyncIterator]();
  if (Symbol.iterator in stream) return stream[Symbol.iterator]();
  return readerParts(stream);
}

/** For browsers whose streams can't be iterated. */
function readerParts(stream: ReadableStream<Uint8Array>): AsyncIterator<Uint8Array> {
  const reader = stream.getReader();
  return {
    async next() {
      const { value, done } = await reader.read();
      return done ? { value: undefined, done } : { value, done };
    },
    async return() {
      await reader.cancel();
      return { value: undefined, done: true };
    },
  };
}
