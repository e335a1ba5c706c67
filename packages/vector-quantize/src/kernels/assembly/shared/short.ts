/**
 * The search in 16-bit integers: about half as long as in f32, and the same answer.
 *
 * Codes are scaled to a length of at most 32700, rows to one of 65000 where their single numbers stay
 * below 32700, and rounded. A product of two pairs of such numbers
 * is one instruction that multiplies and adds in 32 bits without error, so a score is off by the
 * rounding of its two vectors alone, and that is bounded by the lengths of what was rounded away. If
 * the bound keeps the least score apart from all other groups', the winner is in that group, where
 * f32 tells it. The few other rows are left to the search in f32.
 */
import { Codebook, METRIC_EUCLIDEAN } from "./codebook";
import { isFiniteRow, packRows } from "./rows";
import { STATE, nmadd, take, tileRows } from "./tiles";
import { distance, lengthBound, values } from "./values";
import { horizontalMin, scanBlock, winner, winnerValue } from "./winner";

/** A codebook in 16-bit integers; written by the host. Layout as in `shortCodebook.ts`. */
@unmanaged
export class ShortCodebook {
  /** Pairs of features, ceil(D / 2). */
  pairs: i32;
  /** Panels of 8 codes. */
  panels: i32;
  /** i16 [panels, pairs, 8, 2]: the packed codes of `book` times `scale`, rounded; 0 past the end. */
  packed: usize;
  /** f32 [panels, 8]: the bias of `book` times `scale`; 3e38 past the last code. */
  bias: usize;
  /** f32 [panels, 8]: length of what each code's rounding took off, times `scale`. */
  rests: usize;
  /** The largest of `rests`. */
  rest: f64;
  /** What codes are multiplied by: 32700 over the length of the longest. */
  scale: f64;
}

/** Rows of a tile. */
const HEIGHT: i32 = 4;
/** Rows that are scanned at a time: they stay in the first-level cache while panels stream past. */
const GROUP: i32 = 24;
/** Length of codes in integers, and largest number of a row: 16 bits hold them. */
const CODE_LENGTH: f64 = 32700;
/** Length of rows in integers: 32 bits hold the products with codes. */
const ROW_LENGTH: f64 = 65000;
/** 1.5 * 2^23: adding it rounds a float to an integer, in its low bits. */
const ROUNDER: f32 = 12582912;

/**
 * The nearest codes of `count` rows, at most `blockRows`: `indices` (i32) gets -1 and `distances`
 * (f32) NaN for a row that is not finite. Returns the number of such rows.
 *
 * `scratch` (16-byte aligned) holds 24 * (2 * D + 62) + blockRows * (8 * D + 56) + 64 bytes. Rows may
 * be read 12 bytes past their end.
 */
export function nearestByShorts(
  book: Codebook,
  short: ShortCodebook,
  rows: usize,
  count: i32,
  scratch: usize,
  blockRows: i32,
  indices: usize,
  distances: usize,
): i32 {
  const rowBytes = <usize>book.dim << 2;
  const tileBytes = <usize>(short.pairs * HEIGHT) << 2;
  const state = scratch;
  const norms = state + GROUP * STATE;
  const inverses = norms + GROUP * 4;
  const errors = inverses + GROUP * 4;
  const packed = errors + GROUP * 4;
  const open = packed + tileBytes * (GROUP / HEIGHT);
  const rest = (open + (<usize>blockRows << 2) + 15) & ~15;

  let left = 0; // rows that are not settled
  let bad = 0;
  for (let first = 0; first < count; first += GROUP) {
    const group = min(GROUP, count - first);
    const block = rows + <usize>first * rowBytes;
    // Where the first rows show that integers do not settle them, the others are spared the try.
    const hopeless = first == GROUP && left > GROUP / 2;
    if (hopeless) {
      for (let r = first; r < count; ++r) {
        store<i32>(open + (<usize>left << 2), r);
        ++left;
      }
      break;
    }
    packShortRows(book, short, block, group, packed, norms, inverses, errors);
    scanShorts(short, packed, inverses, state, group);
    for (let r = 0; r < group; ++r) {
      const at = <usize>r << 2;
      const norm = load<f32>(norms + at);
      const to = <usize>(first + r) << 2;
      if (isNaN(norm)) {
        store<i32>(indices + to, -1);
        store<f32>(distances + to, NaN);
        ++bad;
        continue;
      }
      const row = block + <usize>r * rowBytes;
      const k = settled(book, row, state + <usize>r * STATE, load<f32>(errors + at));
      if (k < 0) {
        store<i32>(open + (<usize>left << 2), first + r);
        ++left;
      } else {
        store<i32>(indices + to, k);
        store<f32>(distances + to, distance(book, row, k, settledValue, norm));
      }
    }
  }
  if (left > 0) bad += nearestOfOpen(book, rows, open, left, rest, indices, distances);
  return bad;
}

/** The rows that integers did not settle, in f32. Returns the number of those that are not finite. */
function nearestOfOpen(
  book: Codebook,
  rows: usize,
  open: usize,
  count: i32,
  scratch: usize,
  indices: usize,
  distances: usize,
): i32 {
  const rowBytes = <usize>book.dim << 2;
  const height = tileRows(book.shape);
  const whole = <usize>((count + height - 1) / height) * height;
  const state = scratch;
  const gathered = state + whole * STATE;
  const packed = gathered + <usize>count * rowBytes + 16;
  const norms = packed + whole * rowBytes;
  for (let i = 0; i < count; ++i) {
    const row = rows + <usize>load<i32>(open + (<usize>i << 2)) * rowBytes;
    memory.copy(gathered + <usize>i * rowBytes, row, rowBytes);
  }
  packRows(gathered, count, book.dim, book.mean, height, packed, norms);
  scanBlock(book, packed, state, count);
  let bad = 0;
  for (let i = 0; i < count; ++i) {
    const to = <usize>load<i32>(open + (<usize>i << 2)) << 2;
    const norm = load<f32>(norms + (<usize>i << 2));
    if (isNaN(norm)) {
      store<i32>(indices + to, -1);
      store<f32>(distances + to, NaN);
      ++bad;
      continue;
    }
    const row = gathered + <usize>i * rowBytes;
    const k = winner(book, row, norm, state + <usize>i * STATE, packed, i);
    store<i32>(indices + to, k);
    store<f32>(distances + to, distance(book, row, k, winnerValue, norm));
  }
  return bad;
}

/**
 * Packs rows, less the mean, as integers in tiles [tile][pairs][4][2]. Each row gets its squared
 * length (NaN if it is not finite), 1 / its scale, and twice the bound of its scores' errors, in the
 * units of the biases; Infinity for a row whose length is out of the range that allows a bound.
 */
function packShortRows(
  book: Codebook,
  short: ShortCodebook,
  rows: usize,
  count: i32,
  out: usize,
  norms: usize,
  inverses: usize,
  errors: usize,
): void {
  const dim = book.dim;
  const rowBytes = <usize>dim << 2;
  const tileBytes = <usize>(short.pairs * HEIGHT) << 2;
  const half = book.metric == METRIC_EUCLIDEAN ? 0.5 * book.maxNorm * book.maxNorm : 0;
  const codeLength = CODE_LENGTH + 2 * short.rest;
  for (let r = 0; r < count; ++r) {
    const to = out + <usize>(r / HEIGHT) * tileBytes + (<usize>(r % HEIGHT) << 2);
    const row = rows + <usize>r * rowBytes;
    const at = <usize>r << 2;
    const squares = squaredLength(row, book.mean, dim);
    const largest = <f64>lastLargest * 1.000001;
    store<f32>(norms + at, squares < f32.MAX_VALUE || isFiniteRow(row, dim) ? squares : NaN);
    const fits = squares > 1e-30 && squares < 1e30;
    const length = fits ? lengthBound(book, squares) : 1;
    const scale = fits ? min(ROW_LENGTH / length, CODE_LENGTH / largest) : 0;
    const rest = sqrt(<f64>packShorts(row, book.mean, dim, <f32>scale, to));
    // What v * scale itself was rounded by comes on top.
    const rowLength = scale * length;
    const lost = rest * 1.001 + rowLength * 1.2e-7;
    const products = (rowLength + lost) * short.rest + lost * codeLength;
    const sums = 1e-6 * short.scale * (half + length * book.maxNorm);
    const error = fits ? 2 * (products / scale + sums) : Infinity;
    store<f32>(inverses + at, fits ? <f32>(1 / scale) : 0);
    store<f32>(errors + at, <f32>(error * 1.000001));
  }
}

/** The largest number of a row, less its mean, as of the last call of `squaredLength`. */
let lastLargest: f32 = 0;

/** Squared length of a row, less the mean. */
function squaredLength(row: usize, mean: usize, dim: i32): f32 {
  let squares = f32x4.splat(0);
  let largest = squares;
  const whole = row + (<usize>(dim & ~3) << 2);
  while (row < whole) {
    const v = f32x4.sub(v128.load(row), v128.load(mean));
    largest = f32x4.pmax(largest, f32x4.abs(v));
    squares = f32x4.add(squares, f32x4.mul(v, v));
    row += 16;
    mean += 16;
  }
  let tail: f32 = 0;
  let most: f32 = 0;
  for (let left = dim & 3; left > 0; --left) {
    const v = load<f32>(row) - load<f32>(mean);
    most = max(most, abs(v));
    tail += v * v;
    row += 4;
    mean += 4;
  }
  const low = max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1));
  const high = max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3));
  lastLargest = max(most, max(low, high));
  return (
    f32x4.extract_lane(squares, 0) +
    f32x4.extract_lane(squares, 1) +
    (f32x4.extract_lane(squares, 2) + f32x4.extract_lane(squares, 3)) +
    tail
  );
}

/** Writes a row's pairs, 16 bytes apart; returns the squared length of what rounding took off. */
function packShorts(row: usize, mean: usize, dim: i32, scale: f32, to: usize): f32 {
  const scales = f32x4.splat(scale);
  const rounder = f32x4.splat(ROUNDER);
  let rests = f32x4.splat(0);
  const whole = row + (<usize>(dim & ~3) << 2);
  while (row < whole) {
    const v = f32x4.mul(f32x4.sub(v128.load(row), v128.load(mean)), scales);
    const rounded = f32x4.add(v, rounder);
    const rest = f32x4.sub(v, f32x4.sub(rounded, rounder));
    rests = f32x4.add(rests, f32x4.mul(rest, rest));
    // The low 16 bits of each lane, two pairs in all.
    const pairs = v128.shuffle<i16>(rounded, rounded, 0, 2, 4, 6, 0, 2, 4, 6);
    v128.store_lane<i32>(to, pairs, 0);
    v128.store_lane<i32>(to, pairs, 1, 16);
    row += 16;
    mean += 16;
    to += 32;
  }
  let sum: f32 =
    f32x4.extract_lane(rests, 0) +
    f32x4.extract_lane(rests, 1) +
    (f32x4.extract_lane(rests, 2) + f32x4.extract_lane(rests, 3));
  for (let d = 0, left = dim & 3; d < left; ++d) {
    const v = (load<f32>(row) - load<f32>(mean)) * scale;
    const rounded = nearest(v);
    sum += (v - rounded) * (v - rounded);
    store<i16>(to + (<usize>(d >> 1) << 4) + (<usize>(d & 1) << 1), <i16>(<i32>rounded));
    row += 4;
    mean += 4;
  }
  if (dim & 1) store<i16>(to + (<usize>((dim & 3) >> 1) << 4) + 2, 0);
  return sum;
}

/** All panels against the packed rows of a group. */
function scanShorts(
  short: ShortCodebook,
  packed: usize,
  inverses: usize,
  state: usize,
  count: i32,
): void {
  const tiles = (count + HEIGHT - 1) / HEIGHT;
  const unseen = f32x4.splat(3.4e38);
  const none = i32x4.splat(0);
  const last = state + <usize>(tiles * HEIGHT) * STATE;
  for (let s = state; s < last; s += STATE) {
    v128.store(s, unseen);
    v128.store(s, none, 16);
    v128.store(s, unseen, 32);
  }
  const step = <usize>short.pairs << 5;
  let codes = short.packed;
  let bias = short.bias;
  for (let p = 0, n = short.panels; p < n; ++p) {
    scanShortPanel(packed, tiles, codes, codes + step, bias, inverses, state, p);
    codes += step;
    bias += 32;
  }
}

/** All tiles of 4 rows against one panel of 8 codes. */
function scanShortPanel(
  x: usize,
  tiles: i32,
  codes: usize,
  end: usize,
  bias: usize,
  inverses: usize,
  state: usize,
  panel: i32,
): void {
  const panels = i32x4.splat(panel);
  for (let t = 0; t < tiles; ++t) {
    const zero = i32x4.splat(0);
    let a00 = zero, a01 = zero, a10 = zero, a11 = zero;
    let a20 = zero, a21 = zero, a30 = zero, a31 = zero;
    let c = codes;
    do {
      const c0 = v128.load(c);
      const c1 = v128.load(c, 16);
      let v = v128.load32_splat(x);
      a00 = i32x4.add(a00, i32x4.dot_i16x8_s(v, c0));
      a01 = i32x4.add(a01, i32x4.dot_i16x8_s(v, c1));
      v = v128.load32_splat(x, 4);
      a10 = i32x4.add(a10, i32x4.dot_i16x8_s(v, c0));
      a11 = i32x4.add(a11, i32x4.dot_i16x8_s(v, c1));
      v = v128.load32_splat(x, 8);
      a20 = i32x4.add(a20, i32x4.dot_i16x8_s(v, c0));
      a21 = i32x4.add(a21, i32x4.dot_i16x8_s(v, c1));
      v = v128.load32_splat(x, 12);
      a30 = i32x4.add(a30, i32x4.dot_i16x8_s(v, c0));
      a31 = i32x4.add(a31, i32x4.dot_i16x8_s(v, c1));
      c += 32;
      x += 16;
    } while (c != end);
    const b0 = v128.load(bias);
    const b1 = v128.load(bias, 16);
    takeShorts(state, a00, a01, b0, b1, inverses, panels);
    takeShorts(state + STATE, a10, a11, b0, b1, inverses + 4, panels);
    takeShorts(state + 2 * STATE, a20, a21, b0, b1, inverses + 8, panels);
    takeShorts(state + 3 * STATE, a30, a31, b0, b1, inverses + 12, panels);
    state += HEIGHT * STATE;
    inverses += HEIGHT * 4;
  }
}

/** Takes the scores of one row and panel, from its products, into the row's state. */
// @ts-ignore: decorator
@inline
function takeShorts(
  state: usize,
  a0: v128,
  a1: v128,
  b0: v128,
  b1: v128,
  inverse: usize,
  panels: v128,
): void {
  const scale = v128.load32_splat(inverse);
  const s0 = nmadd(f32x4.convert_i32x4_s(a0), scale, b0);
  const s1 = nmadd(f32x4.convert_i32x4_s(a1), scale, b1);
  take(state, f32x4.pmin(s0, s1), panels);
}

/** The `values` entry of the winner, as of the last call of `settled`. */
let settledValue: f32 = 0;

/** The winner of a row from its state, or -1 if `error`, twice the scores' bound, leaves it open. */
function settled(book: Codebook, row: usize, state: usize, error: f32): i32 {
  const scores = v128.load(state);
  const least = horizontalMin(scores);
  const isLeast = f32x4.eq(scores, least);
  const lane = ctz(i32x4.bitmask(isLeast)) & 3;
  const second = horizontalMin(v128.bitselect(v128.load(state, 32), scores, isLeast));
  const bits = i32x4.bitmask(isLeast);
  const limit = <f64>f32x4.extract_lane(least, 0) + <f64>error;
  const base = (load<i32>(state + (<usize>lane << 2), 16) << 3) + lane;
  const last = book.size - 1;
  const apart =
    <i32>(<f64>f32x4.extract_lane(second, 0) > limit) &
    <i32>((bits & (bits - 1)) == 0) &
    <i32>(base <= last);
  if (!apart) return -1;

  const other = min(base + 4, last);
  const found = values(book, row, base, other, other);
  const v0 = f32x4.extract_lane(found, 0);
  const v1 = base + 4 <= last ? f32x4.extract_lane(found, 1) : f32.MAX_VALUE;
  const value = min(v0, v1);
  const next = <f64>max(v0, v1);
  let slack = 2 * book.unit * next + book.tiny;
  if (book.metric != METRIC_EUCLIDEAN) {
    // |x| |c| bounds the products; the row's length follows from nothing kept here, so from itself.
    const norm = squaredLength(row, book.mean, book.dim);
    slack = 2 * (book.unit * lengthBound(book, norm) * book.maxNorm + book.tiny);
  }
  if (!(next - <f64>value > slack)) return -1;
  settledValue = value;
  return v0 <= v1 ? base : other;
}
