import { checkInteger, expected, VectorQuantizeError } from "../errors.ts";
import { checkSum } from "./bytes.ts";
import { byPosition } from "./codesToBytes.ts";
import { type GroupHead, memoryOf, type VqPicture } from "./group.ts";
import { positionsOf, type ReadyLayer } from "./layers.ts";
import type { VqPrior } from "./prior.ts";
import { decodeSegment, type SegmentCodes } from "./segment.ts";

/** How much is read of a file, and with what. */
export interface VqReadOptions {
  /** What errors call the file: usually its name. Default "vq". */
  readonly where?: string;
  /** The order of each layer's codes, from `treeOrder`, for a file that doesn't store them. */
  readonly orders?: readonly (Uint32Array | undefined)[];
  /** The prior that the file was written with, from `openPrior`, if it was with one. */
  readonly prior?: VqPrior;
  /** Most bytes of memory that pictures which are coded together may take. Default 2^30. */
  readonly maxMemory?: number;
}

/** Which pictures are given, and how fine. */
export interface VqPicturesOptions {
  /** How many layers to decode, the first ones. Default: all */
  readonly layers?: number;
  /**
   * Called for what is damaged, and then the rest is read: the pictures that are lost with it are left
   * out. Default: the first damage is thrown.
   */
  readonly onDamage?: (error: VectorQuantizeError) => void;
}

/** How many layers to decode. */
export function layersToRead(where: string, layers: number | undefined, most: number): number {
  if (layers === undefined) return most;
  checkInteger(`${where}: layers`, layers, 1, most);
  return layers;
}

/** What errors call a group. */
export function groupName(where: string, group: number, first: number, head: GroupHead): string {
  const last = first + head.pictures.length - 1;
  const names = [head.pictures[0], head.pictures.at(-1)].map((entry) => entry?.name ?? "");
  const called =
    names.join("") === ""
      ? ""
      : ` (${[...new Set(names)].map((n) => JSON.stringify(n)).join(" to ")})`;
  const which = first === last ? `picture ${first}` : `pictures ${first} to ${last}`;
  return `${where}: group ${group}, ${which}${called}`;
}

/** Throws unless reading so many layers of a group stays in the memory that may be taken. */
export function checkGroupMemory(
  where: string,
  head: GroupHead,
  layers: readonly ReadyLayer[],
  most: number,
): void {
  const memory = memoryOf(head, layers);
  if (memory <= most) return;
  throw expected(
    where,
    `at most ${most} bytes of memory`,
    memory,
    "Raise maxMemory if that is meant",
  );
}

/** Bytes of the first segments. */
export function segmentsLength({ segments }: GroupHead, layers: number): number {
  return segments.slice(0, layers).reduce((sum, { length }) => sum + length, 0);
}

/** The codes of a group, layer by layer. */
export function decodeGroup(
  where: string,
  head: GroupHead,
  bytes: Uint8Array,
  layers: readonly ReadyLayer[],
  prior?: VqPrior,
): Int32Array[] {
  const grids = head.pictures.map(({ shape }) => shape);
  const read: SegmentCodes[] = [];
  let at = 0;
  for (const [q, layer] of layers.entries()) {
    const { length, checksum } = head.segments[q]!;
    const segment = bytes.subarray(at, at + length);
    const name = layers.length === 1 ? where : `${where}, layer ${q}`;
    checkSum(name, checksum, segment);
    const earlier = read
      .slice(-2)
      .map(({ symbols }) => symbols)
      .reverse();
    read.push(decodeSegment(name, segment, layer, grids, earlier, prior?.primed(q)));
    at += length;
  }
  return read.map(({ codes }) => codes);
}

/** All pictures of a group. */
export function* picturesOf(
  { pictures }: GroupHead,
  columns: readonly Int32Array[],
): Generator<VqPicture> {
  let from = 0;
  for (const entry of pictures) {
    const to = from + positionsOf(entry.shape);
    yield { ...entry, codes: byPosition(columns, from, to) };
    from = to;
  }
}

/** One picture of a group's codes. */
export function pictureOf(head: GroupHead, columns: readonly Int32Array[], i: number): VqPicture {
  const before = head.pictures.slice(0, i);
  const from = before.reduce((sum, { shape }) => sum + positionsOf(shape), 0);
  const entry = head.pictures[i]!;
  return { ...entry, codes: byPosition(columns, from, from + positionsOf(entry.shape)) };
}

/** Gives damage to who wants to know; throws what is no damage, or has nobody. */
export function reportDamage(error: unknown, onDamage: VqPicturesOptions["onDamage"]): void {
  if (!(error instanceof VectorQuantizeError) || onDamage === undefined) throw error;
  onDamage(error);
}
