import { checkInteger, expected, VectorQuantizeError } from "../errors.ts";
import {
  type GroupFrame,
  type GroupHead,
  type HeadLimits,
  mostFrame,
  parseFrame,
  parseHead,
  type VqEntry,
  type VqPicture,
} from "./group.ts";
import {
  checkGroupMemory,
  decodeGroup,
  groupName,
  layersToRead,
  pictureOf,
  picturesOf,
  reportDamage,
  segmentsLength,
  type VqPicturesOptions,
  type VqReadOptions,
} from "./groupCodes.ts";
import { headerBegin, headerLength, parseHeader, type VqFileHeader } from "./header.ts";
import { type IndexedGroup, parseIndex, parseTrailer, trailerBytes } from "./indexOfGroups.ts";
import { readyLayers } from "./layers.ts";
import { sourceOf, type VqInput, type VqSource } from "./source.ts";

/** An open `.vq` file: pictures are read from it when they are asked for. */
export interface VqFile {
  readonly header: VqFileHeader;
  /** Pictures in it. */
  readonly count: number;
  /** Bytes of it. */
  readonly bytes: number;
  /** Groups in it: what is coded, read and lost together. */
  readonly groups: number;
  /**
   * What was found wrong when it was opened, none if it is whole: without its index, or cut off, it is
   * gone through from group to group, and what can be found that way is counted.
   */
  readonly damage: readonly string[];
  /**
   * One picture, by its number. Nothing of other groups is read; the group that was read last is kept.
   *
   * @throws VectorQuantizeError if its group is damaged.
   */
  picture(number: number, options?: Pick<VqPicturesOptions, "layers">): Promise<VqPicture>;
  /** All pictures, one after another. */
  pictures(options?: VqPicturesOptions): AsyncGenerator<VqPicture>;
  /** Names and shapes of all pictures, without their codes. */
  entries(
    options?: Pick<VqPicturesOptions, "onDamage">,
  ): AsyncGenerator<VqEntry & { number: number }>;
  /** The number of the first picture of that name; undefined if there is none. */
  find(name: string): Promise<number | undefined>;
}

interface PlacedGroup extends IndexedGroup {
  readonly offset: number;
  /** Number of its first picture. */
  readonly first: number;
}

/** Bytes that are read of a group before it is known how long its head is. */
const guessedHead = 4096;

/**
 * Opens a `.vq` file for reading any picture of it.
 *
 * @param input the file's bytes, a Blob (a `File` of a page), an open file of Node's, or anything that
 *   reads parts: `{ size, read(offset, length) }`.
 * @throws VectorQuantizeError for another kind of file, a later version, or a damaged header.
 */
export async function openVq(input: VqInput, options: VqReadOptions = {}): Promise<VqFile> {
  const { where = "vq", orders, prior, maxMemory = 2 ** 30 } = options;
  checkInteger(`${where}: maxMemory`, maxMemory);
  const source = await sourceOf(where, input);
  const start = await source.read(0, Math.min(headerBegin, source.size));
  const body = await source.read(headerBegin, headerLength(where, start));
  let lacking: VectorQuantizeError | undefined;
  const header = parseHeader(where, start, body, {
    ...(orders && { orders }),
    ...(prior && { prior }),
    lacking: (error) => {
      lacking ??= error;
    },
  });
  const primed = header.prior === undefined ? undefined : prior;
  const layers = readyLayers(header.layers);
  const begin = headerBegin + body.length;
  const limits: HeadLimits = { layers: layers.length, maxMemory };
  const { groups, damage } = await placedGroups(where, source, begin, limits);
  const count = groups.reduce((sum, { pictures }) => sum + pictures, 0);

  async function headOf(number: number): Promise<{ name: string; head: GroupHead }> {
    const { offset, length, first, pictures } = groups[number]!;
    const last = first + pictures - 1;
    const at = `${where}: group ${number}, pictures ${first} to ${last}`;
    const head = await readHead(at, source, offset, length, limits);
    if (head.pictures.length !== pictures || head.length !== length) {
      throw expected(at, `${pictures} pictures in ${length} bytes`, head.pictures.length);
    }
    return { name: groupName(where, number, first, head), head };
  }

  async function decoded(number: number, take: number) {
    if (lacking) throw lacking;
    const { name, head } = await headOf(number);
    checkGroupMemory(name, head, layers.slice(0, take), maxMemory);
    const at = groups[number]!.offset + head.begin;
    const bytes = await source.read(at, segmentsLength(head, take));
    return { head, columns: decodeGroup(name, head, bytes, layers.slice(0, take), primed) };
  }

  let kept: { key: string; codes: ReturnType<typeof decoded> } | undefined;
  /** Decodes a group, unless it was the last one. */
  function group(number: number, take: number): ReturnType<typeof decoded> {
    const key = `${number}/${take}`;
    if (kept?.key !== key) kept = { key, codes: decoded(number, take) };
    const { codes } = kept;
    codes.catch(() => {
      if (kept?.codes === codes) kept = undefined;
    });
    return codes;
  }

  async function* entries({ onDamage }: VqPicturesOptions = {}) {
    for (const [number, { first }] of groups.entries()) {
      try {
        const { head } = await headOf(number);
        for (const [i, entry] of head.pictures.entries()) yield { ...entry, number: first + i };
      } catch (error) {
        reportDamage(error, onDamage);
      }
    }
  }

  return {
    header,
    count,
    bytes: source.size,
    groups: groups.length,
    damage,
    async picture(number, { layers: asked } = {}) {
      checkInteger(`${where}: picture`, number, 0, count - 1);
      const take = layersToRead(where, asked, layers.length);
      const at = groupWith(groups, number);
      const { head, columns } = await group(at, take);
      return pictureOf(head, columns, number - groups[at]!.first);
    },
    async *pictures({ layers: asked, onDamage } = {}) {
      const take = layersToRead(where, asked, layers.length);
      for (const number of groups.keys()) {
        let read: Awaited<ReturnType<typeof decoded>>;
        try {
          read = await decoded(number, take);
        } catch (error) {
          reportDamage(error, onDamage);
          continue;
        }
        yield* picturesOf(read.head, read.columns);
      }
    },
    entries,
    async find(name) {
      for await (const entry of entries()) if (entry.name === name) return entry.number;
      return undefined;
    },
  };
}

/** The group that has a picture. */
function groupWith(groups: readonly PlacedGroup[], picture: number): number {
  let [low, high] = [0, groups.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (groups[middle]!.first <= picture) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** All groups, by the index if it is sound. */
async function placedGroups(where: string, source: VqSource, begin: number, limits: HeadLimits) {
  try {
    const groups = await readIndex(where, source, begin);
    return { groups: placed(groups, begin), damage: [] };
  } catch (error) {
    if (!(error instanceof VectorQuantizeError)) throw error;
    const { groups, damage } = await walk(where, source, begin, limits);
    return { groups, damage: [error.message, ...damage] };
  }
}

function placed(groups: readonly IndexedGroup[], begin: number): PlacedGroup[] {
  let [offset, first] = [begin, 0];
  return groups.map((group) => {
    const at = { ...group, offset, first };
    offset += group.length;
    first += group.pictures;
    return at;
  });
}

async function readIndex(where: string, source: VqSource, begin: number): Promise<IndexedGroup[]> {
  const end = source.size - trailerBytes;
  if (end <= begin) throw expected(where, "a whole file", `${source.size} bytes`);
  const { length, sum } = parseTrailer(where, await source.read(end, trailerBytes));
  const room = end - begin - 1;
  if (length > room) throw expected(`${where}: index`, `at most ${room} bytes`, length);
  const bytes = await source.read(end - length - 1, length + 1);
  if (bytes[0] !== 0) throw expected(`${where}: end of the groups`, "0", bytes[0]);
  const groups = parseIndex(where, bytes.subarray(1), sum);
  const told = groups.reduce((bytes, group) => bytes + group.length, 0);
  if (told !== room - length) throw expected(`${where}: groups`, `${room - length} bytes`, told);
  return groups;
}

/** Goes from group to group, as far as they can be followed. */
async function walk(where: string, source: VqSource, begin: number, limits: HeadLimits) {
  const groups: PlacedGroup[] = [];
  const damage: string[] = [];
  let [offset, first] = [begin, 0];
  try {
    for (let failed = false; offset < source.size; ) {
      const at = `${where}: byte ${offset}`;
      const frame = await readFrame(at, source, offset, source.size - offset);
      if (frame === undefined) break;
      if (offset + frame.length > source.size) throw expected(at, "a whole group", "a part of one");
      try {
        const bytes = await source.read(offset, frame.begin);
        const pictures = parseHead(at, bytes, frame, limits).pictures.length;
        groups.push({ offset, first, pictures, length: frame.length });
        first += pictures;
        failed = false;
      } catch (error) {
        if (failed || !(error instanceof VectorQuantizeError)) throw error;
        damage.push(error.message);
        failed = true; // where the next one begins may be wrong: two in a row are the end
      }
      offset += frame.length;
    }
  } catch (error) {
    if (!(error instanceof VectorQuantizeError)) throw error;
    damage.push(error.message);
  }
  return { groups, damage };
}

async function readFrame(
  where: string,
  source: VqSource,
  offset: number,
  room: number,
): Promise<GroupFrame | undefined> {
  return parseFrame(where, await source.read(offset, Math.min(mostFrame, room)));
}

async function readHead(
  where: string,
  source: VqSource,
  offset: number,
  length: number,
  limits: HeadLimits,
): Promise<GroupHead> {
  const start = await source.read(offset, Math.min(guessedHead, length));
  const frame = parseFrame(where, start);
  if (frame === undefined || frame.length !== length) {
    throw expected(where, `a group of ${length} bytes`, frame?.length ?? "the end of groups");
  }
  const { maxMemory } = limits;
  if (frame.begin > maxMemory) throw expected(where, `at most ${maxMemory} bytes`, frame.begin);
  const rest = frame.begin - start.length;
  if (rest <= 0) return parseHead(where, start.subarray(0, frame.begin), frame, limits);
  const whole = new Uint8Array(frame.begin);
  whole.set(start);
  whole.set(await source.read(offset + start.length, rest), start.length);
  return parseHead(where, whole, frame, limits);
}
