/** `codeLayer` of codes/codeLayer.ts: the same bits, of codes without a prior. */
import { code, enter } from "./mixer";
import { contexts } from "./state";

export { highest, lowest, reached, writeTo } from "./bits";

const OUTSIDE: i32 = -1;
const GROUP_BITS: i32 = 3;
const COARSE_BITS: i32 = 4;

// @ts-ignore: decorator
@inline
function hash(a: i32, b: i32): i32 {
  return (((a + 1) * 0x2c1b3c6d) ^ (b + 0x165667b1)) * 0x297a2d39;
}

// @ts-ignore: decorator
@inline
function context(i: usize, value: i32): void {
  store<i32>(contexts + (i << 2), value);
}

// @ts-ignore: decorator
@inline
function digitOf(symbol: i32, place: i32, radix: i32): i32 {
  return symbol < 0 ? radix : (symbol / place) % radix;
}

/** One digit by its bits, but for those that can only be 0. */
function codeDigit(digit: i32, radix: i32, bits: i32, depth: i32): i32 {
  let prefix: i32 = 0;
  let place: i32 = 1;
  let left: i32 = 0;
  for (let level = 0; level < bits; level++) {
    if (left == 0) {
      enter((1 << level) + prefix);
      place = 1;
      left = GROUP_BITS;
    }
    left--;
    const shift = bits - 1 - level;
    const known = (prefix * 2 + 1) << shift >= radix;
    const bit = known ? 0 : <i32>code((digit >> shift) & 1, place, depth + level);
    prefix = prefix * 2 + bit;
    place = place * 2 + bit;
  }
  return prefix;
}

/**
 * Codes positions `from` to `to` of a grid.
 *
 * @param codes of the grid, int32; a decoder fills them in
 * @param height rows that follow one another, or 0 for a grid of one axis
 * @param above symbols of the layer before at the grid's positions, and `second` of the one before it, or 0
 * @param digits int32 pairs of radix and bits, `number` of them
 */
export function codeGrid(
  codes: usize,
  from: i32,
  to: i32,
  width: i32,
  height: i32,
  above: usize,
  second: usize,
  digits: usize,
  number: i32,
): void {
  for (let i = from; i < to; i++) {
    const at = codes + (<usize>i << 2);
    const x = i % width;
    const left = x > 0 ? load<i32>(at - 4) : OUTSIDE;
    let up = OUTSIDE;
    if (height == 0) {
      if (x > 1) up = load<i32>(at - 8);
    } else if ((i / width) % height > 0) up = load<i32>(at - (<usize>width << 2));
    const told = above ? load<i32>(above + (<usize>i << 2)) : 0;
    const before = second ? load<i32>(second + (<usize>i << 2)) : 0;
    const symbol = load<i32>(at);
    if (number == 1) {
      const bits = load<i32>(digits, 4);
      const coarse = max(0, bits - COARSE_BITS);
      context(0, 0);
      context(1, hash(left, 1));
      context(2, hash(up, 2));
      context(3, hash(left >> coarse, up >> coarse));
      if (above) context(4, hash(told, 3));
      if (second) context(5, hash(told, before));
      store<i32>(at, codeDigit(symbol, load<i32>(digits), bits, 0));
    } else store<i32>(at, codeDigits(symbol, left, up, told, before, above, second, digits, number));
  }
}

function codeDigits(
  symbol: i32,
  left: i32,
  up: i32,
  told: i32,
  before: i32,
  above: usize,
  second: usize,
  digits: usize,
  number: i32,
): i32 {
  let place: i32 = 1;
  let made: i32 = 0;
  let depth: i32 = 0;
  for (let d = 0; d < number; d++) {
    const radix = load<i32>(digits + (<usize>d << 3));
    const bits = load<i32>(digits + (<usize>d << 3), 4);
    const sides = hash(digitOf(left, place, radix), digitOf(up, place, radix));
    const prefix = hash(made, d);
    context(0, prefix);
    context(1, hash(prefix, left));
    context(2, hash(prefix, up));
    context(3, hash(sides, prefix));
    context(4, hash(sides, -2 - d));
    if (above) context(5, hash(prefix, told));
    if (second) context(6, hash(hash(prefix, told), before));
    made += codeDigit(digitOf(symbol, place, radix), radix, bits, depth) * place;
    place *= radix;
    depth += bits;
  }
  return made;
}
