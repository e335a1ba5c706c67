import { checkBytes, checkInteger, expected, VectorQuantizeError } from "../errors.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import {
  type CodeLayer,
  checkCodeLayers,
  checkGrid,
  columnOf,
  positionsOf,
  readyLayers,
} from "./layers.ts";
import { checkPrior, type VqPrior } from "./prior.ts";
import { decodeSegment, encodeSegment, type SegmentCodes, symbolsOf } from "./segment.ts";

/** What reader and writer of bare codes must agree on. */
export interface BareCodes {
  /** Shape of the codes of one layer: `[h, w]` for an image, `[n]` for a sequence. */
  readonly shape: readonly number[];
  /** What the indices of a position are, `[Q]`. */
  readonly layers: readonly CodeLayer[];
  /** What other codes of these layers have told, from `trainPrior`: fewer bytes. Default: none. */
  readonly prior?: VqPrior;
}

/**
 * Codes in as few bytes as they need, without any header: for one image or sequence, where model and
 * shape are known. What damages these bytes goes unnoticed; files are `createVqWriter`'s.
 *
 * @param codes indices `[...shape, Q]`, as `encode` gives them for one example; -1 for none.
 * @throws VectorQuantizeError if the codes don't fit the shape and the layers.
 */
export function codesToBytes(
  codes: ArrayLike<number>,
  { shape, layers, prior }: BareCodes,
): Uint8Array<ArrayBuffer> {
  const where = "codesToBytes";
  checkBare(where, shape, layers);
  if (prior !== undefined) checkPrior(where, prior, layers);
  const count = positionsOf(shape) * layers.length;
  if (codes?.length !== count) throw expected(`${where}: codes`, `${count} indices`, codes?.length);
  const out = new ByteWriter();
  const earlier: Int32Array[] = [];
  const ready = readyLayers(layers);
  ready.forEach((layer, q) => {
    const symbols = symbolsOf(layer, columnOf(where, codes, layers, q));
    const segment = encodeSegment(layer, [shape], symbols, earlier, prior?.primed(q));
    if (q < layers.length - 1) out.varint(segment.length);
    out.raw(segment);
    earlier.unshift(symbols);
  });
  return out.done();
}

/**
 * Reads what `codesToBytes` wrote.
 *
 * @param take how many layers to read, the first ones. Default: all
 * @returns indices `[...shape, take]`.
 * @throws VectorQuantizeError for bytes that don't fit the shape and the layers.
 */
export function codesFromBytes(
  bytes: Uint8Array,
  { shape, layers, prior }: BareCodes,
  take: number = layers.length,
): Int32Array<ArrayBuffer> {
  const where = "codesFromBytes";
  checkBytes(`${where}: bytes`, bytes);
  checkBare(where, shape, layers);
  if (prior !== undefined) checkPrior(where, prior, layers);
  checkInteger(`${where}: take`, take, 1, layers.length);
  const from = new ByteReader(bytes, where);
  const read: SegmentCodes[] = [];
  for (const [q, layer] of readyLayers(layers.slice(0, take)).entries()) {
    const segment = from.raw(q < layers.length - 1 ? from.varint() : from.left);
    const earlier = read
      .slice(-2)
      .map(({ symbols }) => symbols)
      .reverse();
    const name = `${where}: layer ${q}`;
    read.push(decodeSegment(name, segment, layer, [shape], earlier, prior?.primed(q)));
  }
  return byPosition(read.map(({ codes }) => codes));
}

/** Columns of layers made rows of positions. */
export function byPosition(
  columns: readonly Int32Array[],
  from = 0,
  to: number = columns[0]!.length,
): Int32Array<ArrayBuffer> {
  const all = new Int32Array((to - from) * columns.length);
  columns.forEach((column, q) => {
    for (let i = from, at = q; i < to; i++, at += columns.length) all[at] = column[i]!;
  });
  return all;
}

function checkBare(where: string, shape: readonly number[], layers: readonly CodeLayer[]): void {
  checkGrid(`${where}: shape`, shape);
  checkCodeLayers(`${where}: layers`, layers);
  if (positionsOf(shape) * layers.length > 2 ** 31) {
    throw new VectorQuantizeError(`${where}: expected up to 2^31 codes, got [${shape}]`);
  }
}
