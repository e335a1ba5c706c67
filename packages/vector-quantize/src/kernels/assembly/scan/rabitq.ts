/**
 * RaBitQ codes: the signs of a rotated vector, or some bits of each of its numbers, and the factors that make
 * their inner product with a query an unbiased estimate (arXiv 2405.12497, 2409.09913).
 */

import { inverseLength, rotateRow } from "./rotate";

/** What distances are; cosines are those of vectors of length 1. */
export const EUCLIDEAN: i32 = 0;
export const DOT: i32 = 1;
export const COSINE: i32 = 2;

/** Scales that are tried for codes of several bits, and the step from one to the next. */
const TRIES: i32 = 13;
const FIRST_TRY: f64 = 0.7;
const TRY_STEP: f64 = 0.05;

/** How vectors become codes, written by the host. */
@unmanaged
export class SignCoder {
  dim: i32;
  padded: i32;
  bits: i32;
  metric: i32;
  /** f32 [dim]: what all vectors are less of; f32 [ROUNDS, padded]: see `rotateRow`. */
  center: usize;
  signs: usize;
  /**
   * f32 [C, padded]: the centers of the cells, less `center` and rotated; and as they are and rotated.
   */
  shifted: usize;
  turned: usize;
  rowBytes: i32;
  /** The best step between levels of so many bits for numbers of variance 1. */
  spread: f64;
}

/**
 * Rows `begin` to `end` of `out`, `rowBytes` each: codes of `rows` (f32 [N, dim]). `docs/vq-format.md` has their
 * layout. `cells` (i32 [N]) are the cells of the vectors, 0: all are in the first. `scratch` has room for
 * `padded` numbers.
 */
export function encodeSigns(
  begin: i32,
  end: i32,
  scratch: usize,
  coder: SignCoder,
  rows: usize,
  cells: usize,
  out: usize,
): i32 {
  const padded = coder.padded;
  const bits = coder.bits;
  const metric = coder.metric;
  const bytes = <usize>padded << 2;
  const planeBytes = <usize>(padded >> 3);
  for (let n = begin; n < end; ++n) {
    const cell = cells == 0 ? 0 : <usize>load<i32>(cells + (<usize>n << 2));
    const shift = coder.shifted + cell * bytes;
    const turn = coder.turned + cell * bytes;
    const x = rows + (<usize>n * coder.dim << 2);
    const length = metric == COSINE ? inverseLength(x, coder.dim) : 1;
    rotateRow(x, coder.dim, length, coder.center, coder.signs, padded, scratch);
    let squares: f64 = 0;
    let sizes: f64 = 0;
    let crossed: f64 = 0;
    let along: f64 = 0;
    for (let at: usize = 0; at < bytes; at += 4) {
      const c = load<f32>(shift + at);
      const r = load<f32>(scratch + at) - c;
      store<f32>(scratch + at, r);
      squares += <f64>r * <f64>r;
      sizes += abs(<f64>r);
      crossed += r < 0 ? -(<f64>c) : <f64>c;
      along += <f64>r * <f64>load<f32>(turn + at);
    }
    const to = out + <usize>n * coder.rowBytes;
    const factors = to + planeBytes * bits;
    packSigns(scratch, planeBytes, to);
    storeFactors(factors, metric, squares, sizes, crossed, along);
    if (bits == 1) continue;
    const scale = bestScale(scratch, padded, bits, coder.spread, squares);
    const top = <f64>((1 << (bits - 1)) - 1);
    sizes = 0;
    crossed = 0;
    memory.fill(to + planeBytes, 0, planeBytes * (bits - 1));
    for (let i = 0; i < padded; ++i) {
      const at = <usize>i << 2;
      const r = <f64>load<f32>(scratch + at);
      const level = min(floor(abs(r) * scale), top);
      const weight = 2 * level + 1;
      sizes += weight * abs(r);
      crossed += (r < 0 ? -weight : weight) * <f64>load<f32>(shift + at);
      const code = r < 0 ? (1 << (bits - 1)) - 1 - <i32>level : <i32>level;
      packBits(to + planeBytes, planeBytes, i, code, bits - 1);
    }
    storeFactors(factors + 8, metric, squares, sizes, crossed, along);
  }
  return 0;
}

/** One bit a number: whether it is not below 0. */
function packSigns(row: usize, planeBytes: usize, to: usize): void {
  for (let i: usize = 0; i < planeBytes; ++i) {
    const at = row + (i << 5);
    const negative = i32x4.bitmask(f32x4.lt(v128.load(at), f32x4.splat(0))) |
      (i32x4.bitmask(f32x4.lt(v128.load(at, 16), f32x4.splat(0))) << 4);
    store<u8>(to + i, <u8>~negative);
  }
}

/** The `bits` low bits of number `i`, the highest in the first plane. */
// @ts-ignore: decorator
@inline
function packBits(planes: usize, planeBytes: usize, i: i32, code: i32, bits: i32): void {
  let at = planes + <usize>(i >> 3);
  for (let bit = bits - 1; bit >= 0; --bit) {
    store<u8>(at, load<u8>(at) | <u8>(((code >> bit) & 1) << (i & 7)));
    at += planeBytes;
  }
}

/** The number of levels in a unit at which a row's levels have the direction most like its own. */
function bestScale(row: usize, padded: i32, bits: i32, spread: f64, squares: f64): f64 {
  if (squares == 0) return 0;
  const middle = sqrt(<f64>padded / squares) / spread;
  const top = <f64>((1 << (bits - 1)) - 1);
  let best: f64 = -1;
  let found: f64 = 0;
  for (let i = 0; i < TRIES; ++i) {
    const scale = middle * (FIRST_TRY + TRY_STEP * <f64>i);
    let product: f64 = 0;
    let norm: f64 = 0;
    for (let d = 0; d < padded; ++d) {
      const size = abs(<f64>load<f32>(row + (<usize>d << 2)));
      const weight = 2 * min(floor(size * scale), top) + 1;
      product += weight * size;
      norm += weight * weight;
    }
    const likeness = product * product / norm;
    if (likeness > best) {
      best = likeness;
      found = scale;
    }
  }
  return found;
}

/**
 * Addend and factor: the estimate is `addend + factor * <code, rotated query>` and what the query and its
 * center add.
 */
function storeFactors(
  at: usize,
  metric: i32,
  squares: f64,
  sizes: f64,
  crossed: f64,
  along: f64,
): void {
  const ratio = sizes > 0 ? squares / sizes : 0;
  const half = metric == EUCLIDEAN ? 1 : 0.5;
  const addend = metric == DOT ? ratio * crossed - along : half * squares + 2 * half * ratio * crossed;
  store<f32>(at, <f32>addend);
  store<f32>(at, metric == DOT ? <f32>-ratio : <f32>(-2 * half * ratio), 4);
}
