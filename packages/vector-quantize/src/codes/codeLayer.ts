import type { BitCoder } from "./bitCoder.ts";
import { bitsBelow } from "./fixedPacking.ts";
import { positionsOf } from "./layers.ts";
import { groupBits, Mixer } from "./mixer.ts";

/** One layer of the codes of one or several grids, to be written or to be found. */
export interface LayerOfCodes {
  /** Shape of each grid, the last axis being the fastest. */
  readonly grids: readonly (readonly number[])[];
  /** Codes are below it. */
  readonly radix: number;
  /** Digits of a code, the lowest first; a plain code is one digit. Their product is `radix`. */
  readonly digits: readonly number[];
  /** The codes of all grids, one after another. */
  readonly codes: Int32Array;
  /** The layers before, the last one first: at most two, and only if they are to tell about this one. */
  readonly earlier: readonly Int32Array[];
  /** Tables that have learned from other codes of this layer, by `trainedTables`. Default: none yet. */
  readonly primed?: Mixer;
}

/** Contexts of plain codes and of digits, without those of earlier layers. */
const plainContexts = 4;
const digitContexts = 5;
/** There is no such neighbour. */
const outside = -1;
/** Of two neighbours together, this many of the highest bits count. */
const coarseBits = 4;
/** Beside a neighbour that counts as a whole, this many of another's. */
const coarserBits = 3;
const fewestSlots = 12;
const mostSlots = 20;
/** Of tables that are trained once and for all. */
const mostPrimedSlots = 21;
/** Contexts beside the usual ones of plain codes whose tables are trained: too many to learn from few codes. */
const wideContexts = 4;
/** While tables are trained weights move slowly, and then fast. */
const [primingShift, primedShift] = [16, 14];

/** How many slots a context's table has, as a power of two: half a bucket for each that may be entered. */
function log2Slots(count: number, digits: readonly number[], most = mostSlots): number {
  const entered = digits.reduce((sum, radix) => sum + Math.ceil(bitsBelow(radix) / groupBits), 0);
  return Math.min(Math.max(bitsBelow(count * entered * 4), fewestSlots), most);
}

/** Contexts of codes of so many digits, with so many earlier layers. */
function contextsOf(digits: readonly number[], earlier: number): number {
  return (digits.length === 1 ? plainContexts : digitContexts) + earlier;
}

/** Contexts whose tables are trained. */
function primedContexts(digits: readonly number[], earlier: number): number {
  return contextsOf(digits, earlier) + (digits.length === 1 ? wideContexts : 0);
}

/** Bytes that coding so many codes takes at most, beside them. */
export function tableBytes(count: number, digits: readonly number[]): number {
  return (contextsOf(digits, 2) * 4) << log2Slots(count, digits);
}

/** Bytes that tables trained on so many codes take, with what they are put back from. */
export function primedBytes(count: number, digits: readonly number[]): number {
  return (primedContexts(digits, 2) * 8) << log2Slots(count, digits, mostPrimedSlots);
}

/** Tables that have learned from a layer's codes, for coding others of it. */
export function trainedTables(layer: LayerOfCodes): Mixer {
  const { codes, digits, earlier } = layer;
  const contexts = primedContexts(digits, earlier.length);
  const mixer = new Mixer(contexts, log2Slots(codes.length, digits, mostPrimedSlots));
  mixer.shift = primingShift;
  codeWith(mixer, told, { ...layer, primed: mixer });
  mixer.shift = primedShift;
  mixer.keep();
  return mixer;
}

/**
 * Codes a layer. An encoder reads `codes`; a decoder fills them in. Which neighbours a code is told
 * from: the one before it in its row (left) and in its column (up), or the two before it on a grid of
 * one axis, and the code of the earlier layers at the same position.
 */
export function codeLayer(coder: BitCoder, layer: LayerOfCodes): void {
  layer.primed?.restore();
  const { contexts, log2Slots } = tablesOf(layer);
  codeWith(layer.primed ?? new Mixer(contexts, log2Slots), coder, layer);
}

function codeWith(mixer: Mixer, coder: BitCoder, layer: LayerOfCodes): void {
  const { look, code } = symbolCoder(layer, mixer);
  const { codes } = layer;
  let first = 0;
  for (const grid of layer.grids) {
    const end = first + positionsOf(grid);
    eachPosition(layer, grid, first, [first, end], (at, left, up, upLeft, upRight) => {
      look(at, left, up, upLeft, upRight);
      codes[at] = code(coder, codes[at]!);
    });
    first = end;
  }
}

/** Contexts of a layer without a prior, and how many slots each has, as a power of two. */
export function tablesOf({ codes, digits, earlier }: LayerOfCodes) {
  return {
    contexts: contextsOf(digits, earlier.length),
    log2Slots: log2Slots(codes.length, digits),
  };
}

/** Tables for codes that are chosen while they are coded. */
export function tablesFor({ codes, digits, earlier }: LayerOfCodes, mostCodes: number): Mixer {
  const count = Math.max(codes.length, mostCodes);
  return new Mixer(contextsOf(digits, earlier.length), log2Slots(count, digits));
}

/**
 * Codes a part of a layer's only grid while choosing what to code.
 *
 * @param choose the code of a position; `cost` tells what one would take, in 65536ths of a bit
 */
export function chooseCodes(
  mixer: Mixer,
  layer: LayerOfCodes,
  range: readonly [from: number, to: number],
  choose: (at: number, cost: (symbol: number) => number) => number,
): void {
  const { look, code, cost } = symbolCoder(layer, mixer);
  const { codes } = layer;
  eachPosition(layer, layer.grids[0]!, 0, range, (at, left, up, upLeft, upRight) => {
    look(at, left, up, upLeft, upRight);
    codes[at] = choose(at, cost);
    code(told, codes[at]!);
  });
}

/** Learns bits, and writes none. */
const told: BitCoder = { code: (bit) => bit };

type Look = (at: number, left: number, up: number, upLeft: number, upRight: number) => void;

/** Positions of a grid that begins at `first`, with their neighbours as they are when it comes to them. */
function eachPosition(
  { codes }: LayerOfCodes,
  grid: readonly number[],
  first: number,
  [from, to]: readonly [number, number],
  visit: Look,
): void {
  const width = grid.at(-1) ?? 1;
  const height = grid.length < 2 ? 1 : grid.at(-2)!;
  for (let at = from; at < to; at++) {
    const i = at - first;
    const x = i % width;
    const left = x > 0 ? codes[at - 1]! : outside;
    let up = outside;
    let upLeft = outside;
    let upRight = outside;
    if (grid.length < 2) {
      if (x > 1) up = codes[at - 2]!;
    } else if (Math.floor(i / width) % height > 0) {
      up = codes[at - width]!;
      if (x > 0) upLeft = codes[at - width - 1]!;
      if (x < width - 1) upRight = codes[at - width + 1]!;
    }
    visit(at, left, up, upLeft, upRight);
  }
}

/** Codes the symbols of one layer. */
interface SymbolCoder {
  /** Tells where the next symbol stands. */
  readonly look: Look;
  code(coder: BitCoder, symbol: number): number;
  /** What a symbol would take there, in 65536ths of a bit. Nothing is learned. */
  cost(symbol: number): number;
}

const symbolCoder = (layer: LayerOfCodes, mixer: Mixer): SymbolCoder =>
  layer.digits.length === 1 ? plainCoder(layer, mixer) : digitCoder(layer, mixer);

/** Spreads a pair of numbers over 32 bits. */
function hash(a: number, b: number): number {
  return Math.imul(Math.imul(a + 1, 0x2c1b3c6d) ^ (b + 0x165667b1), 0x297a2d39);
}

/** Codes as they are, by their bits from the highest on. */
function plainCoder({ radix, digits, earlier, primed }: LayerOfCodes, mixer: Mixer): SymbolCoder {
  const { contexts } = mixer;
  const bits = bitsBelow(radix);
  const coarse = Math.max(0, bits - coarseBits);
  const coarser = Math.max(0, bits - coarserBits);
  const wide = contextsOf(digits, earlier.length);
  const [above, second] = earlier;
  const look: Look = (at, left, up, upLeft, upRight) => {
    contexts[0] = 0;
    contexts[1] = hash(left, 1);
    contexts[2] = hash(up, 2);
    contexts[3] = hash(left >> coarse, up >> coarse);
    if (above) contexts[plainContexts] = hash(above[at]!, 3);
    if (above && second) contexts[plainContexts + 1] = hash(above[at]!, second[at]!);
    if (primed) {
      contexts[wide] = hash(left, up >> coarser);
      contexts[wide + 1] = hash(up, left >> coarser);
      contexts[wide + 2] = hash(upRight, 4);
      contexts[wide + 3] = hash(upLeft, 5);
    }
  };
  return {
    look,
    code: (coder, symbol) => codeDigit(mixer, coder, symbol, radix, bits, 0),
    cost: (symbol) => costOfDigit(mixer, symbol, radix, bits, 0),
  };
}

/** Codes by their digits, each told from the digits before it and those of the neighbours. */
function digitCoder({ digits, earlier }: LayerOfCodes, mixer: Mixer): SymbolCoder {
  const { contexts } = mixer;
  const bits = digits.map(bitsBelow);
  const [above, second] = earlier;
  let position = 0;
  let left = outside;
  let up = outside;

  /** Tells about digit `d`, which counts `place`, after those that make `before`. */
  function lookAt(d: number, place: number, before: number): void {
    const radix = digits[d]!;
    const sides = hash(digitOf(left, place, radix), digitOf(up, place, radix));
    const prefix = hash(before, d);
    contexts[0] = prefix;
    contexts[1] = hash(prefix, left);
    contexts[2] = hash(prefix, up);
    contexts[3] = hash(sides, prefix);
    contexts[4] = hash(sides, -2 - d);
    if (!above) return;
    contexts[digitContexts] = hash(prefix, above[position]!);
    if (second)
      contexts[digitContexts + 1] = hash(hash(prefix, above[position]!), second[position]!);
  }

  return {
    look(at, leftOfIt, upOfIt) {
      position = at;
      left = leftOfIt;
      up = upOfIt;
    },

    code(coder, symbol) {
      let place = 1;
      let before = 0; // the code by the digits so far
      let depth = 0;
      for (let d = 0; d < digits.length; d++) {
        lookAt(d, place, before);
        const radix = digits[d]!;
        const digit = digitOf(symbol, place, radix);
        before += codeDigit(mixer, coder, digit, radix, bits[d]!, depth) * place;
        place *= radix;
        depth += bits[d]!;
      }
      return before;
    },

    cost(symbol) {
      let place = 1;
      let depth = 0;
      let cost = 0;
      for (let d = 0; d < digits.length; d++) {
        lookAt(d, place, symbol % place);
        const radix = digits[d]!;
        cost += costOfDigit(mixer, digitOf(symbol, place, radix), radix, bits[d]!, depth);
        place *= radix;
        depth += bits[d]!;
      }
      return cost;
    },
  };
}

/** A digit of a code; of none the one that no code has. */
const digitOf = (code: number, place: number, radix: number) =>
  code < 0 ? radix : Math.floor(code / place) % radix;

/** One digit by its bits, but for those that can only be 0 because the digit is below `radix`. */
function codeDigit(
  mixer: Mixer,
  coder: BitCoder,
  digit: number,
  radix: number,
  bits: number,
  depth: number,
): number {
  let prefix = 0;
  let place = 1;
  for (let level = 0; level < bits; level++) {
    if (level % groupBits === 0) {
      mixer.enter((1 << level) + prefix);
      place = 1;
    }
    const shift = bits - 1 - level;
    const bit =
      (prefix * 2 + 1) << shift >= radix
        ? 0
        : mixer.code(coder, (digit >> shift) & 1, place, depth + level);
    prefix = prefix * 2 + bit;
    place = place * 2 + bit;
  }
  return prefix;
}

/** What such a digit would take, in 65536ths of a bit. */
function costOfDigit(
  mixer: Mixer,
  digit: number,
  radix: number,
  bits: number,
  depth: number,
): number {
  let prefix = 0;
  let place = 1;
  let cost = 0;
  for (let level = 0; level < bits; level++) {
    if (level % groupBits === 0) {
      mixer.peek((1 << level) + prefix);
      place = 1;
    }
    const shift = bits - 1 - level;
    const bit = (digit >> shift) & 1;
    if ((prefix * 2 + 1) << shift < radix) cost += mixer.cost(bit, place, depth + level);
    prefix = prefix * 2 + bit;
    place = place * 2 + bit;
  }
  return cost;
}
