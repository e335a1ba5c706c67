import type { BitCoder } from "./bitCoder.ts";
import { bitsBelow } from "./fixedPacking.ts";
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
  codeWith(mixer, { code: (bit) => bit }, { ...layer, primed: mixer });
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
  const { codes, digits, earlier } = layer;
  layer.primed?.restore();
  const fresh = () =>
    new Mixer(contextsOf(digits, earlier.length), log2Slots(codes.length, digits));
  codeWith(layer.primed ?? fresh(), coder, layer);
}

function codeWith(mixer: Mixer, coder: BitCoder, layer: LayerOfCodes): void {
  const { grids, codes, digits } = layer;
  const code = digits.length === 1 ? plainCoder(layer, mixer) : digitCoder(layer, mixer);
  let first = 0;
  for (const grid of grids) {
    const width = grid.at(-1) ?? 1;
    const height = grid.length < 2 ? 1 : grid.at(-2)!;
    const count = grid.reduce((product, side) => product * side, 1);
    for (let i = 0; i < count; i++) {
      const at = first + i;
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
      codes[at] = code(coder, at, left, up, upLeft, upRight);
    }
    first += count;
  }
}

type CodeOne = (
  coder: BitCoder,
  at: number,
  left: number,
  up: number,
  upLeft: number,
  upRight: number,
) => number;

/** Spreads a pair of numbers over 32 bits. */
function hash(a: number, b: number): number {
  return Math.imul(Math.imul(a + 1, 0x2c1b3c6d) ^ (b + 0x165667b1), 0x297a2d39);
}

/** Codes as they are, by their bits from the highest on. */
function plainCoder(
  { radix, codes, digits, earlier, primed }: LayerOfCodes,
  mixer: Mixer,
): CodeOne {
  const { contexts } = mixer;
  const bits = bitsBelow(radix);
  const coarse = Math.max(0, bits - coarseBits);
  const coarser = Math.max(0, bits - coarserBits);
  const wide = contextsOf(digits, earlier.length);
  const [above, second] = earlier;
  return (coder, at, left, up, upLeft, upRight) => {
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
    return codeDigit(mixer, coder, codes[at]!, radix, bits, 0);
  };
}

/** Codes by their digits, each told from the digits before it and those of the neighbours. */
function digitCoder({ digits, codes, earlier }: LayerOfCodes, mixer: Mixer): CodeOne {
  const { contexts } = mixer;
  const bits = digits.map(bitsBelow);
  const [above, second] = earlier;
  return (coder, at, left, up) => {
    let place = 1;
    let before = 0; // the code by the digits so far
    let depth = 0;
    for (let d = 0; d < digits.length; d++) {
      const radix = digits[d]!;
      const digitOf = (code: number) => (code < 0 ? radix : Math.floor(code / place) % radix);
      const sides = hash(digitOf(left), digitOf(up));
      const prefix = hash(before, d);
      contexts[0] = prefix;
      contexts[1] = hash(prefix, left);
      contexts[2] = hash(prefix, up);
      contexts[3] = hash(sides, prefix);
      contexts[4] = hash(sides, -2 - d);
      if (above) contexts[digitContexts] = hash(prefix, above[at]!);
      if (above && second)
        contexts[digitContexts + 1] = hash(hash(prefix, above[at]!), second[at]!);
      const digit = codeDigit(mixer, coder, digitOf(codes[at]!), radix, bits[d]!, depth);
      before += digit * place;
      place *= radix;
      depth += bits[d]!;
    }
    return before;
  };
}

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
