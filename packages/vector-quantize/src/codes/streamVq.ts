import { checkInteger, expected, VectorQuantizeError } from "../errors.ts";
import { ByteStream, type VqStream } from "./byteStream.ts";
import { ByteWriter } from "./bytes.ts";
import { mostFrame, parseFrame, parseHead, type VqPicture } from "./group.ts";
import {
  checkGroupMemory,
  decodeGroup,
  groupName,
  layersToRead,
  picturesOf,
  reportDamage,
  segmentsLength,
  type VqPicturesOptions,
  type VqReadOptions,
} from "./groupCodes.ts";
import { headerBegin, headerLength, parseHeader, type VqFileHeader } from "./header.ts";
import { type IndexedGroup, indexBytes } from "./indexOfGroups.ts";
import { readyLayers } from "./layers.ts";

/** A `.vq` file on its way. */
export interface StreamedVq {
  readonly header: VqFileHeader;
  /** All pictures, one after another, as they arrive. To be called once. */
  pictures(options?: VqPicturesOptions): AsyncGenerator<VqPicture>;
}

/**
 * Reads a `.vq` file as it arrives, such as the body of a response or what a pipe brings. It holds one
 * group of pictures in memory.
 *
 * @param stream a ReadableStream, or any other (async) iterable of bytes.
 * @throws VectorQuantizeError for another kind of file, a later version, or a damaged header; while
 *   pictures are read, for damaged ones and for an end that comes too soon.
 */
export async function streamVq(stream: VqStream, options: VqReadOptions = {}): Promise<StreamedVq> {
  const { where = "vq", orders, prior, maxMemory = 2 ** 30 } = options;
  checkInteger(`${where}: maxMemory`, maxMemory);
  const from = new ByteStream(where, stream);
  const start = await from.take(headerBegin, where);
  const body = await from.take(headerLength(where, start), `${where}: header`);
  const header = parseHeader(where, start, body, {
    ...(orders && { orders }),
    ...(prior && { prior }),
  });
  const primed = header.prior === undefined ? undefined : prior;
  const layers = readyLayers(header.layers);
  const seen: IndexedGroup[] = [];

  /** The first bytes of a group, which tell its lengths; a zero behind the last one. */
  async function frameBytes(at: string): Promise<Uint8Array> {
    const bytes = new ByteWriter();
    for (let numbers = 0; numbers < 2; ) {
      const byte = (await from.take(1, at))[0]!;
      bytes.raw([byte]);
      if (byte < 128) numbers++;
      if (byte === 0 || bytes.length === mostFrame) break;
    }
    return bytes.done();
  }

  async function* groups(take: number, onDamage: VqPicturesOptions["onDamage"]) {
    let group = 0;
    let first = 0;
    for (let astray = false; ; group++) {
      const at = `${where}: group ${group}, pictures from ${first} on`;
      const told = await frameBytes(at);
      const frame = parseFrame(at, told);
      if (frame === undefined) break;
      if (frame.begin > maxMemory) throw expected(at, `at most ${maxMemory} bytes`, frame.begin);
      const rest = await from.take(frame.begin - told.length, at);
      const bytes = new Uint8Array(frame.begin);
      bytes.set(told);
      bytes.set(rest, told.length);
      let left = frame.length - frame.begin;
      let known = false;
      try {
        const head = parseHead(at, bytes, frame, { layers: layers.length, maxMemory });
        seen.push({ length: frame.length, pictures: head.pictures.length });
        known = true;
        const name = groupName(where, group, first, head);
        first += head.pictures.length;
        checkGroupMemory(name, head, layers.slice(0, take), maxMemory);
        const segments = await from.take(segmentsLength(head, take), name);
        left -= segments.length;
        const columns = decodeGroup(name, head, segments, layers.slice(0, take), primed);
        yield { head, columns };
      } catch (error) {
        if (astray || (await from.ended())) throw error;
        reportDamage(error, onDamage);
      }
      astray = !known; // where the next group begins may be wrong too
      await from.skip(left, at);
    }
    await checkEnd(group);
  }

  /** Throws unless the file ends with the index of its groups. */
  async function checkEnd(count: number): Promise<void> {
    if (seen.length < count) return; // damage that was reported
    const at = `${where}: index`;
    const end = indexBytes(seen).subarray(1);
    const got = await from.take(end.length, at);
    if (end.some((byte, i) => byte !== got[i])) {
      throw new VectorQuantizeError(`${at}: expected the one of its groups, got another`);
    }
    if (!(await from.ended())) {
      throw new VectorQuantizeError(`${where}: expected the end of the file, got more bytes`);
    }
  }

  return {
    header,
    async *pictures({ layers: asked, onDamage } = {}) {
      const take = layersToRead(where, asked, layers.length);
      try {
        for await (const { head, columns } of groups(take, onDamage))
          yield* picturesOf(head, columns);
      } catch (error) {
        reportDamage(error, onDamage);
      } finally {
        await from.close();
      }
    },
  };
}
