/** Tables of queries: what each part of a code adds, as floats and as small integers. */
import { BATCH } from "./job";
import { DOT, EUCLIDEAN, SignCoder } from "./rabitq";
import { multiplyRow, rotateRow } from "./rotate";

/** Numbers that a query keeps: see `ScanJob.constants`. */
const CONSTANTS: usize = 16;

/** The largest sum of four entries of bytes, but for their rounding, which adds 2. */
const MOST_OF_FOUR: i32 = 251;
/** The largest sum of all entries, with their rounding. */
const MOST_OF_ALL: i32 = 32766;

/**
 * Queries `begin` to `end` for codes of signs: `floats` (f32 [Q, 4 fours, 16]) and `small` (u8 likewise) of
 * `rows` (f32 [Q, dim]). `scratch` has room for `padded` numbers.
 */
export function prepareSigns(
  begin: i32,
  end: i32,
  scratch: usize,
  coder: SignCoder,
  rows: usize,
  floats: usize,
  small: usize,
  constants: usize,
): i32 {
  const fours = coder.padded >> 4;
  const entries = <usize>fours << 6;
  for (let n = begin; n < end; ++n) {
    const from = rows + (<usize>n * coder.dim << 2);
    rotateRow(from, coder.dim, 1, coder.center, coder.signs, coder.padded, scratch);
    const table = floats + <usize>n * (entries << 2);
    let sum: f32 = 0;
    for (let m = 0; m < fours << 2; ++m) {
      const x = scratch + (<usize>m << 4);
      const a = load<f32>(x), b = load<f32>(x, 4);
      const c = load<f32>(x, 8), d = load<f32>(x, 12);
      sum += a + b + (c + d);
      const to = table + (<usize>m << 6);
      const first = f32x4(0, a, b, a + b);
      const more = f32x4.add(first, f32x4.splat(c));
      v128.store(to, first);
      v128.store(to, more, 16);
      v128.store(to, f32x4.add(first, f32x4.splat(d)), 32);
      v128.store(to, f32x4.add(more, f32x4.splat(d)), 48);
    }
    const own = constants + <usize>n * CONSTANTS;
    quantizeNibbles(table, fours, small + <usize>n * entries, own);
    // Signs are -1 and 1: twice what the ones add, less the sum of all.
    store<f32>(own, 2 * load<f32>(own) - sum);
    store<f32>(own, 2 * load<f32>(own, 4), 4);
    store<f32>(own, sum, 8);
  }
  return 0;
}

/** Codebooks side by side, written by the host. */
@unmanaged
export class PartCoder {
  dim: i32;
  /** Numbers of a part. */
  width: i32;
  /** Codes of a codebook, with those that fill it up: 16 or 256. */
  size: i32;
  fours: i32;
  metric: i32;
  /** f32 [4 fours, width, size]: the codebooks in the order of the parts in a code. */
  books: usize;
  /** i32 [4 fours]: that order; -1: no part. */
  order: usize;
  /** See `multiplyRows`. */
  matrix: usize;
}

/**
 * Queries `begin` to `end` for codes of parts: `floats` (f32 [Q, 4 fours, size]) and `small` (u8 or, of 256 codes,
 * u16 likewise) of `rows` (f32 [Q, dim]). `scratch` has room for twice `dim` numbers and 32 more.
 */
export function prepareParts(
  begin: i32,
  end: i32,
  scratch: usize,
  coder: PartCoder,
  rows: usize,
  floats: usize,
  small: usize,
  constants: usize,
): i32 {
  const dim = coder.dim;
  const width = coder.width;
  const size = coder.size;
  const fours = coder.fours;
  const entries = (<usize>fours << 2) * size;
  const bookBytes = <usize>(width * size) << 2;
  for (let n = begin; n < end; ++n) {
    memory.copy(scratch, rows + (<usize>n * dim << 2), <usize>dim << 2);
    const work = scratch + (<usize>((dim + 15) & ~15) << 2);
    if (coder.matrix != 0) multiplyRow(scratch, dim, coder.matrix, work);
    const table = floats + <usize>n * (entries << 2);
    for (let m = 0; m < fours << 2; ++m) {
      const part = load<i32>(coder.order + (<usize>m << 2));
      const to = table + (<usize>(m * size) << 2);
      const x = scratch + (<usize>(part * width) << 2);
      if (part < 0) memory.fill(to, 0, <usize>size << 2);
      else product(x, width, coder.books + <usize>m * bookBytes, size, coder.metric, to);
    }
    const own = constants + <usize>n * CONSTANTS;
    if (size == 16) quantizeNibbles(table, fours, small + <usize>n * entries, own);
    else quantizeBytes(table, fours, small + <usize>n * (entries << 1), own);
    store<f32>(own, 0, 8);
  }
  return 0;
}

/** What each code of a part is away from `x`, by the metric. */
function product(x: usize, width: i32, book: usize, size: i32, metric: i32, to: usize): void {
  const step = <usize>size << 2;
  const half = f32x4.splat(metric == EUCLIDEAN ? 1 : 0.5);
  for (let at: usize = 0; at < step; at += 16) {
    let sum = f32x4.splat(0);
    let code = book + at;
    if (metric == DOT) {
      for (let d = 0; d < width; ++d) {
        sum = f32x4.sub(sum, f32x4.mul(v128.load32_splat(x + (<usize>d << 2)), v128.load(code)));
        code += step;
      }
    } else {
      for (let d = 0; d < width; ++d) {
        const gap = f32x4.sub(v128.load32_splat(x + (<usize>d << 2)), v128.load(code));
        sum = f32x4.add(sum, f32x4.mul(gap, gap));
        code += step;
      }
      sum = f32x4.mul(sum, half);
    }
    v128.store(to + at, sum);
  }
}

/** The least and the largest of `count` floats, a multiple of 16. */
let least: f32 = 0;
let largest: f32 = 0;
function range(table: usize, count: i32): void {
  let low = v128.load(table);
  let high = low;
  for (let at = table; at < table + (<usize>count << 2); at += 16) {
    low = f32x4.pmin(low, v128.load(at));
    high = f32x4.pmax(high, v128.load(at));
  }
  least = min(
    min(f32x4.extract_lane(low, 0), f32x4.extract_lane(low, 1)),
    min(f32x4.extract_lane(low, 2), f32x4.extract_lane(low, 3)),
  );
  largest = max(
    max(f32x4.extract_lane(high, 0), f32x4.extract_lane(high, 1)),
    max(f32x4.extract_lane(high, 2), f32x4.extract_lane(high, 3)),
  );
}

/** Bytes of which those of each four parts sum to 253 at most, and all to 32,766. */
function quantizeNibbles(table: usize, fours: i32, small: usize, constants: usize): void {
  let start: f32 = 0;
  let widest: f32 = 0;
  for (let f = 0; f < fours; ++f) {
    let sum: f32 = 0;
    for (let m = f << 2; m < (f + 1) << 2; ++m) {
      range(table + (<usize>m << 6), 16);
      start += least;
      sum += largest - least;
    }
    widest = max(widest, sum);
  }
  const levels = <f32>min(MOST_OF_FOUR, MOST_OF_ALL / fours - 2);
  const perUnit = widest > 0 ? levels / widest : 0;
  for (let m = 0; m < fours << 2; ++m) {
    const from = table + (<usize>m << 6);
    range(from, 16);
    const a = small4(from, least, perUnit), b = small4(from + 16, least, perUnit);
    const c = small4(from + 32, least, perUnit), d = small4(from + 48, least, perUnit);
    const bytes = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
    v128.store(small + (<usize>m << 4), bytes);
  }
  store<f32>(constants, start);
  store<f32>(constants, widest / levels, 4);
}

/** Integers that sum to 32,766 at most. */
function quantizeBytes(table: usize, fours: i32, small: usize, constants: usize): void {
  let start: f32 = 0;
  let sum: f32 = 0;
  for (let m = 0; m < fours << 2; ++m) {
    range(table + (<usize>m << 10), 256);
    start += least;
    sum += largest - least;
  }
  const levels = <f32>(MOST_OF_ALL - (fours << 2));
  const perUnit = sum > 0 ? levels / sum : 0;
  for (let m = 0; m < fours << 2; ++m) {
    const from = table + (<usize>m << 10);
    range(from, 256);
    for (let at: usize = 0; at < 1024; at += 32) {
      const a = small4(from + at, least, perUnit);
      const b = small4(from + at + 16, least, perUnit);
      v128.store(small + (<usize>m << 9) + (at >> 1), i16x8.narrow_i32x4_s(a, b));
    }
  }
  store<f32>(constants, start);
  store<f32>(constants, sum / levels, 4);
}

/** Four entries as integers, to the nearest. */
// @ts-ignore: decorator
@inline
function small4(at: usize, least: f32, perUnit: f32): v128 {
  const units = f32x4.mul(f32x4.sub(v128.load(at), f32x4.splat(least)), f32x4.splat(perUnit));
  return i32x4.trunc_sat_f32x4_s(f32x4.add(units, f32x4.splat(0.5)));
}

/**
 * Entries `begin` to `end` of `out` (u16 [entries, 16]): those of `count` tables (u16 [entries] each), one behind
 * another, and zeros.
 */
export function interleave(
  begin: i32,
  end: i32,
  scratch: usize,
  tables: usize,
  count: i32,
  entries: i32,
  out: usize,
): i32 {
  for (let i = begin; i < end; ++i) {
    const to = out + (<usize>i << 5);
    v128.store(to, i16x8.splat(0));
    v128.store(to, i16x8.splat(0), 16);
    for (let q = 0; q < min(count, BATCH); ++q) {
      store<u16>(to + (<usize>q << 1), load<u16>(tables + (<usize>(q * entries + i) << 1)));
    }
  }
  return 0;
}
