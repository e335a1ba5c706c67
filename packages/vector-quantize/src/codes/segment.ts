import { VectorQuantizeError } from "../errors.ts";
import { BitDecoder, BitEncoder } from "./bitCoder.ts";
import { codeLayer, type LayerOfCodes, trainedTables } from "./codeLayer.ts";
import { decodeOnKernel, encodeOnKernel } from "./coderKernel.ts";
import { packCodes, packedBytes, unpackCodes } from "./fixedPacking.ts";
import { positionsOf, type ReadyLayer } from "./layers.ts";
import type { Mixer } from "./mixer.ts";

/*
 * A segment is one layer of the codes of one or several grids: a byte of its mode, and the codes.
 */

/** The codes are coded adaptively; else they are packed. */
const adaptive = 1;
/** Some positions have no code: it is the symbol behind all codes. */
const withNone = 2;
/** The layers before are told from as well. */
const withEarlier = 4;

/**
 * From this first byte on it is no mode: coding begins with the tables of a prior, and its first bit is a 0
 * of even chance, which makes the first byte so large.
 */
const beginsPrimed = 128;
const even = 32768;

/** Symbols are coded adaptively up to this radix: their trees are numbered in 31 bits. */
const mostAdaptive = 2 ** 30;
/** Codes by which is judged whether the layers before help. */
const trialCodes = 4096;
/** No forecast is so good that a byte holds more codes. */
const codesInByte = 2 ** 17;

type Grids = LayerOfCodes["grids"];

/** One layer's codes, and as what its successors see them. */
export interface SegmentCodes {
  /** Indices, -1 for none. */
  readonly codes: Int32Array;
  /** Symbols: places in the layer's order, the codebook's size for none; 2^31 as its 32 bits. */
  readonly symbols: Int32Array;
}

/** Tables of a layer that have learned from other codes of it. */
export interface PrimedLayer {
  readonly tables: Mixer;
  /** Whether the layers before tell about it. */
  readonly told: boolean;
}

/**
 * Tables that have learned from a segment; undefined for one that was packed, which has nothing to tell.
 *
 * @param segment the one of these symbols
 */
export function primedBy(
  segment: Uint8Array,
  layer: ReadyLayer,
  grids: Grids,
  symbols: Int32Array,
  earlier: readonly Int32Array[],
): PrimedLayer | undefined {
  const [mode = 0] = segment;
  if (!(mode & adaptive) || mode & withNone) return undefined;
  const told = (mode & withEarlier) !== 0;
  const work = workOf(layer, 0, grids, symbols, told ? earlier.slice(0, 2) : []);
  return { tables: trainedTables(work), told };
}

/** Codes of a layer made symbols. */
export function symbolsOf({ size, order }: ReadyLayer, codes: Int32Array): Int32Array {
  return codes.map((code) => (code < 0 ? size : order ? order[code]! : code));
}

/**
 * Writes a layer, adaptively where that is smaller than packing.
 *
 * @param symbols of all grids, one after another
 * @param earlier symbols of the layers before, the last one first
 * @param primed of the prior, if there is one: taken where that is smaller
 */
export function encodeSegment(
  layer: ReadyLayer,
  grids: Grids,
  symbols: Int32Array,
  earlier: readonly Int32Array[],
  primed?: PrimedLayer,
): Uint8Array<ArrayBuffer> {
  const none = symbols.includes(layer.size | 0) ? withNone : 0;
  const radix = layer.size + (none ? 1 : 0);
  if (radix > 1 && radix <= mostAdaptive && symbols.length > 0) {
    const work = workOf(layer, none, grids, symbols, []);
    const { mode, bytes } = encodeAdaptively(work, earlier.slice(0, 2));
    const packed = packedBytes(symbols.length, radix);
    if (primed && !none) {
      const segment = encoded(primedWork(work, earlier, primed));
      if (segment.length <= Math.min(bytes.length, packed)) return segment;
    }
    if (bytes.length < packed) return behind(mode | none, bytes);
  }
  return behind(none, packCodes(symbols, radix));
}

function behind(mode: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const segment = new Uint8Array(bytes.length + 1);
  segment[0] = mode;
  segment.set(bytes, 1);
  return segment;
}

function workOf(
  { size, levels }: ReadyLayer,
  none: number,
  grids: Grids,
  codes: Int32Array,
  earlier: readonly Int32Array[],
): LayerOfCodes {
  const radix = size + (none ? 1 : 0);
  return { grids, radix, digits: none || !levels ? [radix] : levels, codes, earlier };
}

function primedWork(
  work: LayerOfCodes,
  earlier: readonly Int32Array[],
  { tables, told }: PrimedLayer,
): LayerOfCodes {
  return { ...work, earlier: told ? earlier.slice(0, 2) : [], primed: tables };
}

/** With the layers before and without: the shorter one, judged by the first grids if there are many. */
function encodeAdaptively(work: LayerOfCodes, earlier: readonly Int32Array[]) {
  const alone = { mode: adaptive, work };
  const told = { mode: adaptive | withEarlier, work: { ...work, earlier } };
  if (earlier.length === 0) return { mode: adaptive, bytes: encoded(work) };
  const grids = firstOf(work.grids);
  const whole = grids.length === work.grids.length && grids[0] === work.grids[0];
  const [first, second] = [alone, told].map(({ work }) => encoded({ ...work, grids }));
  const better = second!.length < first!.length ? told : alone;
  if (!whole) return { mode: better.mode, bytes: encoded(better.work) };
  return { mode: better.mode, bytes: better === told ? second! : first! };
}

/** The first grids, up to `trialCodes` codes; of a larger one its first rows. */
function firstOf(grids: Grids): Grids {
  let left = trialCodes;
  const whole = grids.findIndex((grid) => {
    left -= positionsOf(grid);
    return left < 0;
  });
  if (whole !== 0) return whole < 0 ? grids : grids.slice(0, whole);
  const [rows = 1, ...row] = grids[0]!;
  return [[Math.max(1, Math.min(rows, Math.floor(trialCodes / positionsOf(row)))), ...row]];
}

function encoded(work: LayerOfCodes): Uint8Array<ArrayBuffer> {
  const own = { ...work, codes: work.codes.slice(0, countOf(work.grids)) };
  return encodeOnKernel(own) ?? encodedBy(new BitEncoder(), own);
}

function encodedBy(encoder: BitEncoder, work: LayerOfCodes): Uint8Array<ArrayBuffer> {
  if (work.primed) encoder.code(0, even);
  codeLayer(encoder, work);
  return encoder.finish();
}

/** Fills the codes in; whether these took all of the bytes. */
function decodedBy(decoder: BitDecoder, work: LayerOfCodes): { readonly exhausted: boolean } {
  if (work.primed) decoder.code(0, even);
  codeLayer(decoder, work);
  return decoder;
}

const countOf = (grids: Grids) => grids.reduce((sum, grid) => sum + positionsOf(grid), 0);

/**
 * Throws unless a segment may hold that many codes: before any memory is taken for them.
 *
 * @param length bytes of the segment
 */
export function checkSegment(
  where: string,
  { size }: ReadyLayer,
  mode: number,
  length: number,
  count: number,
  earlier: number,
  primed?: PrimedLayer,
): void {
  const radix = size + (mode < beginsPrimed && mode & withNone ? 1 : 0);
  const wrong = (what: string, got: unknown) =>
    new VectorQuantizeError(`${where}: expected ${what}, got ${got}`);
  const isPrimed = mode >= beginsPrimed && primed !== undefined;
  if (!isPrimed && (mode > 7 || (mode & withEarlier && (!(mode & adaptive) || earlier === 0)))) {
    throw wrong("a mode of version 1", mode);
  }
  if (!isPrimed && !(mode & adaptive)) {
    const bytes = packedBytes(count, radix) + 1;
    if (length !== bytes) throw wrong(`${bytes} bytes for ${count} codes below ${radix}`, length);
  } else if (radix === 1 || radix > mostAdaptive || count === 0) {
    throw wrong("packed codes", "a mode of coded ones");
  } else if (count > (length + 4) * codesInByte) {
    throw wrong(`at most ${codesInByte} codes a byte`, `${count} codes in ${length} bytes`);
  }
}

/**
 * Reads a layer.
 *
 * @throws VectorQuantizeError for bytes that no encoder writes, as far as that can be told.
 */
export function decodeSegment(
  where: string,
  segment: Uint8Array,
  layer: ReadyLayer,
  grids: Grids,
  earlier: readonly Int32Array[],
  primed?: PrimedLayer,
): SegmentCodes {
  const mode = segment[0] ?? 255;
  const count = countOf(grids);
  checkSegment(where, layer, mode, segment.length, count, earlier.length, primed);
  const symbols = new Int32Array(count);
  const begun = mode >= beginsPrimed ? primed : undefined;
  const told = mode & withEarlier ? earlier.slice(0, 2) : [];
  const work = begun
    ? primedWork(workOf(layer, 0, grids, symbols, []), earlier, begun)
    : workOf(layer, mode & withNone, grids, symbols, told);
  const bytes = begun ? segment : segment.subarray(1);
  if (begun || mode & adaptive) {
    const { exhausted } = decodeOnKernel(work, bytes) ?? decodedBy(new BitDecoder(bytes), work);
    if (!exhausted)
      throw new VectorQuantizeError(`${where}: expected the end of its bits, got more bytes`);
  } else if (!unpackCodes(bytes, work.radix, symbols)) {
    throw new VectorQuantizeError(`${where}: expected codes below ${work.radix}, got others`);
  }
  return { codes: codesOf(layer, symbols), symbols };
}

function codesOf({ size, codeAt }: ReadyLayer, symbols: Int32Array): Int32Array {
  return symbols.map((symbol) => (symbol === (size | 0) ? -1 : codeAt ? codeAt[symbol]! : symbol));
}
