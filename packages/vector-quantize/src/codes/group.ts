import { expected, VectorQuantizeError } from "../errors.ts";
import { ByteReader, ByteWriter, checkSum, crc32c } from "./bytes.ts";
import { tableBytes } from "./codeLayer.ts";
import { mostPictures } from "./grouping.ts";
import { checkGrid, checkSideLengths, columnOf, positionsOf, type ReadyLayer } from "./layers.ts";
import { checkName } from "./names.ts";
import type { VqPrior } from "./prior.ts";
import { encodeSegment, symbolsOf } from "./segment.ts";

/*
 * A group: pictures whose codes are coded together. Its head tells of the pictures and of the segments
 * behind it, one a layer.
 */

/** What a file tells of a picture (or sound, or text) beside its codes. */
export interface VqEntry {
  /** Shape of the codes of one layer: `[h, w]` for an image, `[n]` for a sequence. */
  readonly shape: readonly number[];
  /** What it is called: a relative path, with `/` between its parts. */
  readonly name?: string;
  /** The size of what was encoded, such as `[height, width]` in pixels. */
  readonly size?: readonly number[];
}

/** A picture of a file. */
export interface VqPicture extends VqEntry {
  /** Indices `[...shape, Q]`, as `encode` gives them for one example; -1 for none. */
  readonly codes: Int32Array;
}

const mostHead = 2 ** 28;
const mostBody = 2 ** 34;

/** A segment as its group's head tells of it. */
export interface SegmentEntry {
  readonly length: number;
  readonly checksum: number;
}

/** What a group's head says. */
export interface GroupHead {
  readonly pictures: readonly VqEntry[];
  readonly segments: readonly SegmentEntry[];
  /** Bytes from the group's first one to its segments. */
  readonly begin: number;
  /** Bytes of the group. */
  readonly length: number;
  /** Positions of all pictures. */
  readonly positions: number;
}

/** Bytes of a group: its head, then its segments. */
export function encodeGroup(
  pictures: readonly VqPicture[],
  layers: readonly ReadyLayer[],
  prior?: VqPrior,
): Uint8Array<ArrayBuffer>[] {
  const grids = pictures.map(({ shape }) => shape);
  const columns = layers.map((_, q) => concatenated(pictures, layers, q));
  const symbols = layers.map((layer, q) => symbolsOf(layer, columns[q]!));
  const segments = layers.map((layer, q) => {
    const earlier = symbols.slice(Math.max(0, q - 2), q).reverse();
    return encodeSegment(layer, grids, symbols[q]!, earlier, prior?.primed(q));
  });
  const head = headBytes(pictures, segments);
  const body = segments.reduce((sum, { length }) => sum + length, 0);
  const lengths = new ByteWriter().varint(head.length).varint(body).done();
  const checksum = new ByteWriter().uint32(crc32c(lengths, head)).done();
  return [lengths, head, checksum, ...segments];
}

function concatenated(
  pictures: readonly VqPicture[],
  layers: readonly ReadyLayer[],
  q: number,
): Int32Array {
  const all = new Int32Array(pictures.reduce((sum, { shape }) => sum + positionsOf(shape), 0));
  let at = 0;
  for (const { codes } of pictures) {
    const column = columnOf("group", codes, layers, q);
    all.set(column, at);
    at += column.length;
  }
  return all;
}

function headBytes(
  pictures: readonly VqEntry[],
  segments: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const head = new ByteWriter().varint(pictures.length);
  for (let first = 0; first < pictures.length; ) {
    const { shape, size } = pictures[first]!;
    let next = first + 1;
    while (next < pictures.length && alike(pictures[first]!, pictures[next]!)) next++;
    head.varint(next - first);
    putSides(head, shape);
    putSides(head, size ?? []);
    first = next;
  }
  putNames(head, pictures);
  for (const segment of segments) head.varint(segment.length).uint32(crc32c(segment));
  return head.done();
}

const alike = (a: VqEntry, b: VqEntry) =>
  String([a.shape, "", a.size]) === String([b.shape, "", b.size]);

function putSides(head: ByteWriter, sides: readonly number[]): void {
  head.varint(sides.length);
  for (const side of sides) head.varint(side);
}

/** The bytes of all names, 0 where there are none; then each name by what it shares with the one before. */
function putNames(head: ByteWriter, pictures: readonly VqEntry[]): void {
  const names = pictures.map(({ name }) => new TextEncoder().encode(name ?? ""));
  const total = names.reduce((sum, { length }) => sum + length, 0);
  head.varint(total);
  if (total === 0) return;
  let before = new Uint8Array(0);
  for (const name of names) {
    let shared = 0;
    while (shared < Math.min(before.length, name.length) && before[shared] === name[shared])
      shared++;
    head
      .varint(shared)
      .varint(name.length - shared)
      .raw(name.subarray(shared));
    before = name;
  }
}

/** Most bytes that tell of a group's lengths. */
export const mostFrame = 16;

/** Where the parts of a group are, as its first bytes tell. */
export interface GroupFrame {
  /** Bytes up to the segments: lengths, head, checksum. */
  readonly begin: number;
  /** Bytes of the group. */
  readonly length: number;
}

/** Reads a group's first bytes; undefined where the groups have come to their end. */
export function parseFrame(where: string, start: Uint8Array): GroupFrame | undefined {
  const from = new ByteReader(start, where);
  const head = from.varint();
  if (head === 0) return undefined;
  if (head > mostHead) throw expected(`${where}: head`, `at most ${mostHead} bytes`, head);
  const body = from.varint();
  if (body > mostBody) throw expected(`${where}: segments`, `at most ${mostBody} bytes`, body);
  const begin = from.at + head + 4;
  return { begin, length: begin + body };
}

/** What a head is held against. */
export interface HeadLimits {
  /** Layers of the file. */
  readonly layers: number;
  readonly maxMemory: number;
}

/**
 * Reads the head of a group, and checks all of it.
 *
 * @param bytes from the group's first one to its segments
 */
export function parseHead(
  where: string,
  bytes: Uint8Array,
  { length }: GroupFrame,
  { layers, maxMemory }: HeadLimits,
): GroupHead {
  const body = bytes.subarray(0, bytes.length - 4);
  checkSum(`${where}: head`, new ByteReader(bytes.subarray(body.length), where).uint32(), body);
  const from = new ByteReader(body, where);
  from.varint();
  from.varint();
  const count = from.varint();
  if (count < 1 || count > mostPictures) {
    throw expected(`${where}: pictures`, `1 to ${mostPictures}`, count);
  }
  const sides = takeRuns(where, from, count);
  const names = takeNames(where, from, count, maxMemory);
  const pictures = sides.map(({ shape, size }, i): VqEntry => {
    const name = names[i];
    return { shape, ...(name && { name }), ...(size.length > 0 && { size }) };
  });
  const segments = takeSegments(where, from, layers);
  if (from.left > 0) throw expected(`${where}: head`, `${from.left} bytes fewer`, body.length);
  const told = segments.reduce((sum, segment) => sum + segment.length, bytes.length);
  if (told !== length) throw expected(`${where}: segments`, `${length} bytes with the head`, told);
  const positions = sides.reduce((sum, { shape }) => sum + positionsOf(shape), 0);
  return { pictures, segments, begin: bytes.length, length, positions };
}

function takeSegments(where: string, from: ByteReader, layers: number): SegmentEntry[] {
  if (from.left < 5 * layers) throw expected(`${where}: layers`, `${layers}`, from.left);
  return Array.from({ length: layers }, () => ({
    length: from.varint(),
    checksum: from.uint32(),
  }));
}

function takeRuns(where: string, from: ByteReader, count: number) {
  const sides: { shape: number[]; size: number[] }[] = [];
  while (sides.length < count) {
    const run = from.varint();
    if (run < 1 || run > count - sides.length) {
      throw expected(`${where}: pictures alike`, `1 to ${count - sides.length}`, run);
    }
    const shape = takeSides(where, from);
    const size = takeSides(where, from);
    const alike = { shape, size };
    for (let i = 0; i < run; i++) sides.push(alike);
  }
  checkGrid(`${where}: shape`, [sides.reduce((sum, { shape }) => sum + positionsOf(shape), 0)]);
  return sides;
}

function takeSides(where: string, from: ByteReader): number[] {
  const axes = from.varint();
  if (axes > 8) throw expected(`${where}: axes`, "at most 8", axes);
  const sides = Array.from({ length: axes }, () => from.varint());
  checkSideLengths(`${where}: sides`, sides);
  return sides;
}

function takeNames(where: string, from: ByteReader, count: number, most: number): string[] {
  let left = from.varint();
  if (left === 0) return [];
  if (left > most) throw expected(`${where}: names`, `at most ${most} bytes`, left);
  let before = new Uint8Array(0);
  const names = Array.from({ length: count }, (_, i) => {
    const shared = from.varint();
    const rest = from.raw(from.varint());
    left -= shared + rest.length;
    if (shared > before.length || left < 0) {
      throw expected(`${where}: name ${i}`, "bytes of the one before", shared);
    }
    const name = new Uint8Array(shared + rest.length);
    name.set(before.subarray(0, shared));
    name.set(rest, shared);
    before = name;
    return textOf(`${where}: name ${i}`, name);
  });
  if (left > 0) throw expected(`${where}: names`, `${left} bytes fewer`, left);
  return names;
}

function textOf(where: string, bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new VectorQuantizeError(`${where}: expected UTF-8, got other bytes`);
  }
  if (text !== "") checkName(where, text);
  return text;
}

/** Bytes of memory that reading these layers of a group takes at most. */
export function memoryOf(
  { length, positions, pictures }: GroupHead,
  layers: readonly ReadyLayer[],
): number {
  const tables = layers.map(({ size, levels = [size] }) => tableBytes(positions, levels));
  const most = tables.reduce((a, b) => Math.max(a, b));
  return length + positions * 8 * (layers.length + 1) + pictures.length * 200 + most;
}
