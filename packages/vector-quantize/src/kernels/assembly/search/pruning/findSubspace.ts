/** The principal subspace: directions along which codes differ most, and the codes' projections. */
import { Codebook, METRIC_COSINE } from "../packedCodebook";
import { project, projectionStride } from "./principalSubspace";

/** Rows that are projected at a time: `scratch` of `projectCodes`. */
const ROWS: i32 = 24;
/** A direction that is this small a part of what it was before the others were taken off is noise. */
const NOISE: f32 = 1e-5;

/**
 * `count` orthonormal directions to `out` (f32 [count, D]), close to those of the largest spread of
 * the codes: one step of orthogonal iteration from sums of codes with random signs. A direction is
 * zeros if the codes spread along fewer. `samples`, at most as many as codes, are those that are
 * looked at. `scratch` holds 4 * D * (samples + count) bytes. Returns 0.
 *
 * Halko, Martinsson, Tropp, "Finding structure with randomness", 2011,
 * https://arxiv.org/abs/0909.4061
 */
export function findAxes(
  begin: i32,
  end: i32,
  scratch: usize,
  book: Codebook,
  count: i32,
  samples: i32,
  out: usize,
): i32 {
  const dim = book.dim;
  const bytes = <usize>dim << 2;
  const next = scratch + <usize>samples * bytes;
  for (let s = 0; s < samples; ++s) {
    const k = <i32>((<i64>s * book.size) / samples);
    sample(book, k, scratch + <usize>s * bytes);
  }
  memory.fill(out, 0, <usize>count * bytes);
  let random: u32 = 1;
  for (let s = 0; s < samples; ++s) {
    for (let a = 0; a < count; ++a) {
      random = random * 1664525 + 1013904223;
      const sign: f32 = random >> 31 ? 1 : -1;
      addScaled(out + <usize>a * bytes, scratch + <usize>s * bytes, sign, dim);
    }
  }
  orthonormalize(out, count, dim);
  // Once turned towards the directions of the largest spread.
  memory.fill(next, 0, <usize>count * bytes);
  for (let s = 0; s < samples; ++s) {
    const row = scratch + <usize>s * bytes;
    for (let a = 0; a < count; ++a) {
      const at = <usize>a * bytes;
      addScaled(next + at, row, product(row, out + at, dim), dim);
    }
  }
  memory.copy(out, next, <usize>count * bytes);
  orthonormalize(out, count, dim);
  return 0;
}

/** A code less the mean, so scaled that squares of squares stay in the range of f32. */
function sample(book: Codebook, k: i32, to: usize): void {
  const code = book.codes + (<usize>(k * book.dim) << 2);
  const scale =
    book.metric == METRIC_COSINE ? load<f64>(book.scale + (<usize>k << 3)) : 1 / book.maxNorm;
  for (let d = 0; d < book.dim; ++d) {
    const at = <usize>d << 2;
    const value = <f64>load<f32>(code + at) - <f64>load<f32>(book.mean + at);
    store<f32>(to + at, <f32>(value * scale));
  }
}

/** Makes the rows of `axes` orthogonal and of length 1, or zeros: Gram and Schmidt, twice. */
function orthonormalize(axes: usize, count: i32, dim: i32): void {
  const bytes = <usize>dim << 2;
  for (let a = 0; a < count; ++a) {
    const axis = axes + <usize>a * bytes;
    const before = sqrt(product(axis, axis, dim));
    for (let twice = 0; twice < 2; ++twice) {
      for (let b = 0; b < a; ++b) {
        const other = axes + <usize>b * bytes;
        addScaled(axis, other, -product(axis, other, dim), dim);
      }
    }
    const length = sqrt(product(axis, axis, dim));
    if (length > NOISE * before) addScaled(axis, axis, 1 / length - 1, dim);
    else memory.fill(axis, 0, bytes);
  }
}

/** Sum of a[d] * b[d]. */
function product(a: usize, b: usize, dim: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  const whole = a + (<usize>(dim & ~7) << 2);
  while (a < whole) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(a), v128.load(b)));
    s1 = f32x4.add(s1, f32x4.mul(v128.load(a, 16), v128.load(b, 16)));
    a += 32;
    b += 32;
  }
  s0 = f32x4.add(s0, s1);
  let sum =
    f32x4.extract_lane(s0, 0) +
    f32x4.extract_lane(s0, 1) +
    (f32x4.extract_lane(s0, 2) + f32x4.extract_lane(s0, 3));
  for (let left = dim & 7; left > 0; --left) {
    sum += load<f32>(a) * load<f32>(b);
    a += 4;
    b += 4;
  }
  return sum;
}

/** to[d] += scale * from[d]. */
function addScaled(to: usize, from: usize, scale: f32, dim: i32): void {
  const scales = f32x4.splat(scale);
  const whole = to + (<usize>(dim & ~3) << 2);
  while (to < whole) {
    v128.store(to, f32x4.add(v128.load(to), f32x4.mul(scales, v128.load(from))));
    to += 16;
    from += 16;
  }
  for (let left = dim & 3; left > 0; --left) {
    store<f32>(to, load<f32>(to) + scale * load<f32>(from));
    to += 4;
    from += 4;
  }
}

/**
 * Projections of codes `begin` to `end` as `project` makes those of rows: f32 [K, count] to `out`,
 * for cosine those of the codes scaled to length 1. `scratch` (16-byte aligned) holds
 * 24 * (4 * (D + count) + 52) bytes. Returns 0.
 */
export function projectCodes(
  begin: i32,
  end: i32,
  scratch: usize,
  book: Codebook,
  axes: Codebook,
  out: usize,
): i32 {
  const norms = scratch;
  const packed = norms + ROWS * 4;
  const projected = packed + (<usize>(ROWS * book.dim) << 2);
  const stride = projectionStride(axes);
  for (let first = begin; first < end; first += ROWS) {
    const count = min(ROWS, end - first);
    const codes = book.codes + (<usize>(first * book.dim) << 2);
    project(book, axes, codes, count, norms, packed, projected);
    for (let r = 0; r < count; ++r) {
      const k = first + r;
      const from = projected + <usize>r * stride;
      const to = out + (<usize>(k * axes.size) << 2);
      const scale = book.metric == METRIC_COSINE ? load<f64>(book.scale + (<usize>k << 3)) : 1;
      for (let a = 0; a < axes.size; ++a) {
        const at = <usize>a << 2;
        store<f32>(to + at, <f32>(<f64>load<f32>(from + at) * scale));
      }
    }
  }
  return 0;
}
