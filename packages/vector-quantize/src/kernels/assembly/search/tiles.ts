/**
 * The inner loops of the search: a block of packed rows against one panel of packed codes.
 *
 * A tile is R rows x P codes. Its R * P / 4 accumulators, P / 4 vectors of codes and one broadcast
 * value fill the vector registers, so the loop over the features is memory-free but for its loads:
 *
 *   acc[r, k] = bias[k];  for d: acc[r, k] -= x[d, r] * c[d, k]
 *
 * Rows come packed as [tile][D][R] and codes as [panel][D][P], so every load is sequential. The
 * order over d is the same in all tile shapes. The loops are not unrolled by hand, because that makes
 * V8 spill, and they run on pointers alone, because a counter costs 4 percent.
 *
 * `To` tells what becomes of a row's scores: v128 takes the least of each lane into its state, f32
 * stores them all, i16 too, but rounded.
 *
 * State of a row (48 bytes, in scratch): f32x4 least score seen in each lane, i32x4 the panel where
 * it was seen, f32x4 the least score of the lane's other groups. A group is the P / 4 codes of one
 * panel that share a lane.
 */
import { Codebook } from "./packedCodebook";

/** Bytes of state per row. */
export const STATE: usize = 48;

/** `c - a * b`: fused where relaxed SIMD offers it, else multiply and subtract. */
// @ts-ignore: decorator
@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}

/** Lanes of `a` where `mask` is all ones, else of `b`. */
// @ts-ignore: decorator
@inline
function select(a: v128, b: v128, mask: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_laneselect(a, b, mask);
  return v128.bitselect(a, b, mask);
}

/** 1.5 * 2^23: adding it rounds a float to an integer, in its low bits. */
const ROUNDER: f32 = 12582912;

/** Takes the least scores `a` of the four groups of `panel` into the state of one row. */
// @ts-ignore: decorator
@inline
export function take(state: usize, a: v128, panel: v128): void {
  const least = v128.load(state);
  v128.store(state, f32x4.pmin(least, a));
  v128.store(state, select(panel, v128.load(state, 16), f32x4.lt(a, least)), 16);
  v128.store(state, f32x4.pmin(v128.load(state, 32), f32x4.pmax(a, least)), 32);
}

/** Rows of a tile of shape `shape`: 0 is 6 x 8, 1 is 3 x 12, 2 is 4 x 8. */
// @ts-ignore: decorator
@inline
export function tileRows(shape: i32): i32 {
  return shape == 0 ? 6 : shape == 1 ? 3 : 4;
}

/** Codes of a panel for tiles of shape `shape`. */
// @ts-ignore: decorator
@inline
export function panelCodes(shape: i32): i32 {
  return shape == 1 ? 12 : 8;
}

/** Where the packed numbers of code `k` begin; `panelCodes` floats lie between two features. */
// @ts-ignore: decorator
@inline
export function codeAt(book: Codebook, k: i32): usize {
  const width = panelCodes(book.shape);
  const panel = book.packed + (<usize>((k / width) * book.dim * width) << 2);
  return panel + (<usize>(k % width) << 2);
}

/**
 * All rows of a block against one panel. What a row gets lies at `to`, `step` bytes after the row
 * before. `more` is the panel's number for v128.
 */
// @ts-ignore: decorator
@inline
export function scanPanel<To>(
  shape: i32,
  x: usize,
  tiles: i32,
  dim: i32,
  codes: usize,
  bias: usize,
  to: usize,
  step: usize,
  more: i32,
): void {
  if (shape == 0) scan6x8<To>(x, tiles, dim, codes, bias, to, step, more);
  else if (shape == 1) scan3x12<To>(x, tiles, dim, codes, bias, to, step, more);
  else scan4x8<To>(x, tiles, dim, codes, bias, to, step, more, 0);
}

function scan6x8<To>(
  x: usize,
  tiles: i32,
  dim: i32,
  codes: usize,
  bias: usize,
  to: usize,
  step: usize,
  more: i32,
): void {
  const end = codes + <usize>(dim * 32);
  for (let t = 0; t < tiles; ++t) {
    const b0 = v128.load(bias);
    const b1 = v128.load(bias, 16);
    let a00 = b0, a01 = b1, a10 = b0, a11 = b1, a20 = b0, a21 = b1;
    let a30 = b0, a31 = b1, a40 = b0, a41 = b1, a50 = b0, a51 = b1;
    let c = codes;
    do {
      const c0 = v128.load(c);
      const c1 = v128.load(c, 16);
      let v = v128.load32_splat(x);
      a00 = nmadd(v, c0, a00);
      a01 = nmadd(v, c1, a01);
      v = v128.load32_splat(x, 4);
      a10 = nmadd(v, c0, a10);
      a11 = nmadd(v, c1, a11);
      v = v128.load32_splat(x, 8);
      a20 = nmadd(v, c0, a20);
      a21 = nmadd(v, c1, a21);
      v = v128.load32_splat(x, 12);
      a30 = nmadd(v, c0, a30);
      a31 = nmadd(v, c1, a31);
      v = v128.load32_splat(x, 16);
      a40 = nmadd(v, c0, a40);
      a41 = nmadd(v, c1, a41);
      v = v128.load32_splat(x, 20);
      a50 = nmadd(v, c0, a50);
      a51 = nmadd(v, c1, a51);
      c += 32;
      x += 24;
    } while (c != end);
    put8<To>(to, a00, a01, more);
    put8<To>(to + step, a10, a11, more);
    put8<To>(to + 2 * step, a20, a21, more);
    put8<To>(to + 3 * step, a30, a31, more);
    put8<To>(to + 4 * step, a40, a41, more);
    put8<To>(to + 5 * step, a50, a51, more);
    to += 6 * step;
  }
}

function scan3x12<To>(
  x: usize,
  tiles: i32,
  dim: i32,
  codes: usize,
  bias: usize,
  to: usize,
  step: usize,
  more: i32,
): void {
  const end = codes + <usize>(dim * 48);
  for (let t = 0; t < tiles; ++t) {
    const b0 = v128.load(bias);
    const b1 = v128.load(bias, 16);
    const b2 = v128.load(bias, 32);
    let a00 = b0, a01 = b1, a02 = b2;
    let a10 = b0, a11 = b1, a12 = b2;
    let a20 = b0, a21 = b1, a22 = b2;
    let c = codes;
    do {
      const c0 = v128.load(c);
      const c1 = v128.load(c, 16);
      const c2 = v128.load(c, 32);
      let v = v128.load32_splat(x);
      a00 = nmadd(v, c0, a00);
      a01 = nmadd(v, c1, a01);
      a02 = nmadd(v, c2, a02);
      v = v128.load32_splat(x, 4);
      a10 = nmadd(v, c0, a10);
      a11 = nmadd(v, c1, a11);
      a12 = nmadd(v, c2, a12);
      v = v128.load32_splat(x, 8);
      a20 = nmadd(v, c0, a20);
      a21 = nmadd(v, c1, a21);
      a22 = nmadd(v, c2, a22);
      c += 48;
      x += 12;
    } while (c != end);
    put12<To>(to, a00, a01, a02, more);
    put12<To>(to + step, a10, a11, a12, more);
    put12<To>(to + 2 * step, a20, a21, a22, more);
    to += 3 * step;
  }
}

/** As `scanPanel`. For i16 `more` is the address of the first row's scale, `moreStep` before the next. */
export function scan4x8<To>(
  x: usize,
  tiles: i32,
  dim: i32,
  codes: usize,
  bias: usize,
  to: usize,
  step: usize,
  more: i32,
  moreStep: i32,
): void {
  const end = codes + <usize>(dim * 32);
  for (let t = 0; t < tiles; ++t) {
    const b0 = v128.load(bias);
    const b1 = v128.load(bias, 16);
    let a00 = b0, a01 = b1, a10 = b0, a11 = b1, a20 = b0, a21 = b1;
    let a30 = b0, a31 = b1;
    let c = codes;
    do {
      const c0 = v128.load(c);
      const c1 = v128.load(c, 16);
      let v = v128.load32_splat(x);
      a00 = nmadd(v, c0, a00);
      a01 = nmadd(v, c1, a01);
      v = v128.load32_splat(x, 4);
      a10 = nmadd(v, c0, a10);
      a11 = nmadd(v, c1, a11);
      v = v128.load32_splat(x, 8);
      a20 = nmadd(v, c0, a20);
      a21 = nmadd(v, c1, a21);
      v = v128.load32_splat(x, 12);
      a30 = nmadd(v, c0, a30);
      a31 = nmadd(v, c1, a31);
      c += 32;
      x += 16;
    } while (c != end);
    put8<To>(to, a00, a01, more);
    put8<To>(to + step, a10, a11, more + moreStep);
    put8<To>(to + 2 * step, a20, a21, more + 2 * moreStep);
    put8<To>(to + 3 * step, a30, a31, more + 3 * moreStep);
    to += 4 * step;
    more += 4 * moreStep;
  }
}

// @ts-ignore: decorator
@inline
function put8<To>(to: usize, a: v128, b: v128, more: i32): void {
  if (isVector<To>()) take(to, f32x4.pmin(a, b), i32x4.splat(more));
  else if (isFloat<To>()) {
    v128.store(to, a);
    v128.store(to, b, 16);
  } else {
    const scale = v128.load32_splat(more);
    v128.store(to, i16x8.narrow_i32x4_s(rounded(a, scale), rounded(b, scale)));
  }
}

// @ts-ignore: decorator
@inline
function put12<To>(to: usize, a: v128, b: v128, c: v128, more: i32): void {
  if (isVector<To>()) take(to, f32x4.pmin(f32x4.pmin(a, b), c), i32x4.splat(more));
  else {
    v128.store(to, a);
    v128.store(to, b, 16);
    v128.store(to, c, 32);
  }
}

// @ts-ignore: decorator
@inline
function rounded(a: v128, scale: v128): v128 {
  const rounder = f32x4.splat(ROUNDER);
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.sub(f32x4.relaxed_madd(a, scale, rounder), rounder);
  return i32x4.sub(f32x4.add(f32x4.mul(a, scale), rounder), rounder);
}
