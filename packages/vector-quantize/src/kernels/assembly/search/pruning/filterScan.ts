/** The filter's inner loop. */
import { FilterCodebook, HEIGHT, LEASTS, SCORES, VALUES } from "./filterCodebook";

/** Bytes of a panel's step. */
const STEP: usize = 64;
/** Bytes of a tile's step: each row's values twice, for a 32-bit splat. */
const ROW_STEP: usize = 4 * HEIGHT;

/**
 * Scores of `panels` panels from `first` on for `count` packed rows: i16 [rows, WINDOW] to `scores`,
 * and their least of each panel and lane, i16 [rows, WINDOW / PANEL, 8], to `leasts`.
 */
export function scanWindow(
  filter: FilterCodebook,
  first: i32,
  panels: i32,
  packed: usize,
  count: i32,
  scores: usize,
  leasts: usize,
): void {
  const tiles = (count + HEIGHT - 1) / HEIGHT;
  const tileBytes = <usize>filter.steps * ROW_STEP;
  const segments = filter.segments;
  const segmentSteps = <usize>filter.segmentSteps;
  let codes = filter.packed + <usize>(first * filter.steps) * STEP;
  let starts = filter.starts + <usize>(first * segments) * STEP;
  for (let p = 0; p < panels; ++p) {
    const end = codes + <usize>filter.steps * STEP;
    let x = packed;
    for (let s = 0; s < segments; ++s) {
      const segmentEnd = min(codes + segmentSteps * STEP, end);
      scanSegment(
        x, tileBytes, tiles, codes, segmentEnd, starts, scores + <usize>p * STEP,
        leasts + (<usize>p << 4), filter.shift, s == 0, s == segments - 1,
      );
      x += segmentSteps * ROW_STEP;
      codes = segmentEnd;
      starts += STEP;
    }
  }
}

/** `a` and the products of the values of one step: codes `c`, a row's value(s) `v`. */
// @ts-ignore: decorator
@inline
function add(a: v128, c: v128, v: v128): v128 {
  // Wraps around, as intended: the sum of a whole segment is known to fit in 16 bits.
  if (ASC_FEATURE_RELAXED_SIMD) return i16x8.add(a, v128.relaxed_dot<i16>(c, v));
  return i16x8.add(a, i16x8.mul(c, v));
}

/** All tiles against one segment of a panel. */
function scanSegment(
  x: usize,
  tileBytes: usize,
  tiles: i32,
  codes: usize,
  end: usize,
  starts: usize,
  out: usize,
  leasts: usize,
  shift: i32,
  isFirst: bool,
  isLast: bool,
): void {
  const lines = out + <usize>tiles * (<usize>HEIGHT * SCORES);
  const down = i16x8.splat(<i16>(<i32>1 << (15 - shift)));
  for (; out != lines; out += <usize>HEIGHT * SCORES) {
    let a0 = v128.load(starts);
    let a1 = v128.load(starts, 16);
    let a2 = v128.load(starts, 32);
    let a3 = v128.load(starts, 48);
    let b0 = a0, b1 = a1, b2 = a2, b3 = a3;
    let c = codes;
    let xp = x;
    do {
      const v = v128.load32_splat(xp);
      const w = v128.load32_splat(xp, 4);
      let k = v128.load(c);
      a0 = add(a0, k, v);
      b0 = add(b0, k, w);
      k = v128.load(c, 16);
      a1 = add(a1, k, v);
      b1 = add(b1, k, w);
      k = v128.load(c, 32);
      a2 = add(a2, k, v);
      b2 = add(b2, k, w);
      k = v128.load(c, 48);
      a3 = add(a3, k, v);
      b3 = add(b3, k, w);
      c += STEP;
      xp += ROW_STEP;
    } while (c != end);
    if (shift == 0) {
      put(out, a0, a1, a2, a3, leasts);
      put(out + SCORES, b0, b1, b2, b3, leasts + LEASTS);
    } else if (isFirst) {
      putShifted(out, a0, a1, a2, a3, down);
      putShifted(out + SCORES, b0, b1, b2, b3, down);
    } else if (isLast) {
      addLast(out, a0, a1, a2, a3, down, leasts);
      addLast(out + SCORES, b0, b1, b2, b3, down, leasts + LEASTS);
    } else {
      addShifted(out, a0, a1, a2, a3, down);
      addShifted(out + SCORES, b0, b1, b2, b3, down);
    }
    leasts += <usize>HEIGHT * LEASTS;
    x += tileBytes;
  }
}

/** `a` shifted down, rounded to the nearest integer. */
// @ts-ignore: decorator
@inline
function shifted(a: v128, down: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i16x8.relaxed_q15mulr_s(a, down);
  return i16x8.q15mulr_sat_s(a, down);
}

// @ts-ignore: decorator
@inline
function put(out: usize, a0: v128, a1: v128, a2: v128, a3: v128, least: usize): void {
  v128.store(out, a0);
  v128.store(out, a1, 16);
  v128.store(out, a2, 32);
  v128.store(out, a3, 48);
  v128.store(least, i16x8.min_s(i16x8.min_s(a0, a1), i16x8.min_s(a2, a3)));
}

// @ts-ignore: decorator
@inline
function putShifted(out: usize, a0: v128, a1: v128, a2: v128, a3: v128, down: v128): void {
  v128.store(out, shifted(a0, down));
  v128.store(out, shifted(a1, down), 16);
  v128.store(out, shifted(a2, down), 32);
  v128.store(out, shifted(a3, down), 48);
}

// @ts-ignore: decorator
@inline
function addShifted(out: usize, a0: v128, a1: v128, a2: v128, a3: v128, down: v128): void {
  v128.store(out, i16x8.add(shifted(a0, down), v128.load(out)));
  v128.store(out, i16x8.add(shifted(a1, down), v128.load(out, 16)), 16);
  v128.store(out, i16x8.add(shifted(a2, down), v128.load(out, 32)), 32);
  v128.store(out, i16x8.add(shifted(a3, down), v128.load(out, 48)), 48);
}

// @ts-ignore: decorator
@inline
function addLast(
  out: usize,
  a0: v128,
  a1: v128,
  a2: v128,
  a3: v128,
  down: v128,
  least: usize,
): void {
  a0 = i16x8.add(shifted(a0, down), v128.load(out));
  a1 = i16x8.add(shifted(a1, down), v128.load(out, 16));
  a2 = i16x8.add(shifted(a2, down), v128.load(out, 32));
  a3 = i16x8.add(shifted(a3, down), v128.load(out, 48));
  put(out, a0, a1, a2, a3, least);
}
