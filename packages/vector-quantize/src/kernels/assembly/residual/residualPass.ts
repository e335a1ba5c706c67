/** What a training step does with residual layers once the codes are found, and the way back. */
import { clearFloats, copyFloats } from "../layers/arithmetic";

/**
 * Rows `begin` to `end` of one layer: `to = from - code` (f32 [N, D]; `to` may be `from`, or 0 to
 * write nothing), and `errors` (f32 [N]) gets the squared lengths of the differences. The code of
 * row n is row `indices[n * layers]` of `codebook` (f32 [K, D]); for -1 the row stays and its error
 * is NaN. `scratch` is not used. Returns 0.
 */
export function takeCodes(
  begin: i32,
  end: i32,
  scratch: usize,
  codebook: usize,
  dim: i32,
  indices: usize,
  layers: i32,
  from: usize,
  to: usize,
  errors: usize,
): i32 {
  const bytes = <usize>dim << 2;
  const whole = <usize>(dim & ~3) << 2;
  for (let n = begin; n < end; ++n) {
    const row = from + <usize>n * bytes;
    const index = load<i32>(indices + (<usize>n * layers << 2));
    const error = errors + (<usize>n << 2);
    if (index < 0) {
      store<f32>(error, NaN);
      if (to != 0 && to != from) memory.copy(to + <usize>n * bytes, row, bytes);
      continue;
    }
    const code = codebook + <usize>index * bytes;
    const out = to == 0 ? 0 : to + <usize>n * bytes;
    let squares = f32x4.splat(0);
    let at: usize = 0;
    for (; at < whole; at += 16) {
      const left = f32x4.sub(v128.load(row + at), v128.load(code + at));
      squares = f32x4.add(squares, f32x4.mul(left, left));
      if (out != 0) v128.store(out + at, left);
    }
    let sum = sumOf(squares);
    for (; at < bytes; at += 4) {
      const left = load<f32>(row + at) - load<f32>(code + at);
      sum += left * left;
      if (out != 0) store<f32>(out + at, left);
    }
    store<f32>(error, sum);
  }
  return 0;
}

/**
 * Rows `begin` to `end` of `out` (f32 [N, D]): the gradient of the vectors `rows` (f32 [N, D]) from
 * `gradient` (f32 [N, D]), that of the sum of the codes. Each layer q adds the gradient turned back by
 * the rotation that carries its residual r to its code c (`rotates` 1), or the gradient as it is (0),
 * and `weights[q] (r - c)`. `books` (u32 [Q]) holds the addresses of the codebooks (f32 [K_q, D]),
 * `indices` is i32 [N, Q]; a layer with -1 adds nothing. `scratch` holds 4 D bytes. Returns 0.
 */
export function passBack(
  begin: i32,
  end: i32,
  scratch: usize,
  books: usize,
  layers: i32,
  dim: i32,
  indices: usize,
  rows: usize,
  gradient: usize,
  weights: usize,
  rotates: i32,
  out: usize,
): i32 {
  const bytes = <usize>dim << 2;
  for (let n = begin; n < end; ++n) {
    const g = gradient + <usize>n * bytes;
    const to = out + <usize>n * bytes;
    copyFloats(scratch, rows + <usize>n * bytes, bytes);
    clearFloats(to, bytes);
    for (let q = 0; q < layers; ++q) {
      const index = load<i32>(indices + (<usize>(n * layers + q) << 2));
      if (index < 0) continue;
      const code = <usize>load<u32>(books + (<usize>q << 2)) + <usize>index * bytes;
      const weight = load<f32>(weights + (<usize>q << 2));
      if (rotates != 0) turnBack(scratch, code, g, dim, weight, to);
      else addThrough(scratch, code, g, dim, weight, to);
    }
  }
  return 0;
}

/** `to += g + weight (r - c)`, then `r -= c`. */
function addThrough(r: usize, c: usize, g: usize, dim: i32, weight: f32, to: usize): void {
  combine(r, c, g, dim, 1, 0, 0, weight, to);
}

/** The largest factor by which the rotation scales a gradient, as in `gradients/rotation.ts`. */
const LARGEST_SCALE: f32 = 100;
/** The least length that is divided by. */
const LEAST: f32 = 1e-6;

/**
 * `to += s (g - 2 w (w . g) + 2 u (v . g)) + weight (r - c)` with `u = r / |r|`, `v = c / |c|`,
 * `w = (u + v) / |u + v|` and `s = |c| / |r|`, then `r -= c`. A residual of length 0 has no direction:
 * its gradient is `g`.
 */
function turnBack(r: usize, c: usize, g: usize, dim: i32, weight: f32, to: usize): void {
  const bytes = <usize>dim << 2;
  const whole = <usize>(dim & ~3) << 2;
  let rr4 = f32x4.splat(0);
  let cc4 = rr4;
  let at: usize = 0;
  for (; at < whole; at += 16) {
    const ri = v128.load(r + at);
    const ci = v128.load(c + at);
    rr4 = f32x4.add(rr4, f32x4.mul(ri, ri));
    cc4 = f32x4.add(cc4, f32x4.mul(ci, ci));
  }
  let rr = sumOf(rr4);
  let cc = sumOf(cc4);
  for (; at < bytes; at += 4) {
    const ri = load<f32>(r + at);
    const ci = load<f32>(c + at);
    rr += ri * ri;
    cc += ci * ci;
  }
  const length = sqrt<f32>(rr);
  if (!(length > 0)) {
    combine(r, c, g, dim, 1, 0, 0, weight, to);
    return;
  }
  const codeLength = sqrt<f32>(cc);
  const a: f32 = 1 / max<f32>(length, LEAST);
  const b: f32 = 1 / max<f32>(codeLength, LEAST);

  const a4 = f32x4.splat(a);
  const b4 = f32x4.splat(b);
  let ww4 = f32x4.splat(0);
  let wg4 = ww4;
  let cg4 = ww4;
  for (at = 0; at < whole; at += 16) {
    const ci = v128.load(c + at);
    const gi = v128.load(g + at);
    const wi = f32x4.add(f32x4.mul(a4, v128.load(r + at)), f32x4.mul(b4, ci));
    ww4 = f32x4.add(ww4, f32x4.mul(wi, wi));
    wg4 = f32x4.add(wg4, f32x4.mul(wi, gi));
    cg4 = f32x4.add(cg4, f32x4.mul(ci, gi));
  }
  let ww = sumOf(ww4);
  let wg = sumOf(wg4);
  let cg = sumOf(cg4);
  for (; at < bytes; at += 4) {
    const ci = load<f32>(c + at);
    const gi = load<f32>(g + at);
    const wi = a * load<f32>(r + at) + b * ci;
    ww += wi * wi;
    wg += wi * gi;
    cg += ci * gi;
  }
  const scale = min<f32>(codeLength * a, LARGEST_SCALE);
  const along: f32 = (2 * wg) / max<f32>(ww, LEAST * LEAST);
  const toward: f32 = 2 * b * cg;
  combine(r, c, g, dim, scale, scale * a * (toward - along), -scale * b * along, weight, to);
}

/** `to += ofG g + ofR r + ofC c + weight (r - c)`, then `r -= c`. */
function combine(
  r: usize,
  c: usize,
  g: usize,
  dim: i32,
  ofG: f32,
  ofR: f32,
  ofC: f32,
  weight: f32,
  to: usize,
): void {
  const bytes = <usize>dim << 2;
  const whole = <usize>(dim & ~3) << 2;
  const g4 = f32x4.splat(ofG);
  const r4 = f32x4.splat(ofR);
  const c4 = f32x4.splat(ofC);
  const w4 = f32x4.splat(weight);
  let at: usize = 0;
  for (; at < whole; at += 16) {
    const ri = v128.load(r + at);
    const ci = v128.load(c + at);
    const left = f32x4.sub(ri, ci);
    const turned = f32x4.add(f32x4.mul(r4, ri), f32x4.mul(c4, ci));
    const sum = f32x4.add(f32x4.mul(g4, v128.load(g + at)), turned);
    v128.store(to + at, f32x4.add(v128.load(to + at), f32x4.add(sum, f32x4.mul(w4, left))));
    v128.store(r + at, left);
  }
  for (; at < bytes; at += 4) {
    const ri = load<f32>(r + at);
    const ci = load<f32>(c + at);
    const sum: f32 = ofG * load<f32>(g + at) + ofR * ri + ofC * ci + weight * (ri - ci);
    store<f32>(to + at, load<f32>(to + at) + sum);
    store<f32>(r + at, ri - ci);
  }
}

// @ts-ignore: decorator
@inline
function sumOf(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) +
    f32x4.extract_lane(v, 1) +
    f32x4.extract_lane(v, 2) +
    f32x4.extract_lane(v, 3)
  );
}
