/**
 * Elementwise functions over vectors of four floats, from `begin` to `end`. Each gives the value and,
 * unless `slopes` is 0, its derivative at once: the way back is then one product.
 */
import { tanh as tanhOf } from "../levels/tanh";
import { madd } from "./arithmetic";

/** Puts four times `value` at `at`: a constant in a loop would be made anew at each turn. */
// @ts-ignore: decorator
@inline
function keep(at: usize, value: f32): void {
  v128.store(at, f32x4.splat(value));
}

/** Bytes of the numbers that `exp` wants. */
const EXP: usize = 176;

/** Puts the numbers of `exp` at `c`. */
function keepExp(c: usize): void {
  keep(c, 88);
  keep(c + 16, 1.4426950408889634); // 1 / ln 2
  keep(c + 32, 0.693359375); // ln 2 in two parts, of which the first's products are exact
  keep(c + 48, -2.1219444e-4);
  keep(c + 64, 1.98756915e-4);
  keep(c + 80, 1.3981999507e-3);
  keep(c + 96, 8.3334519073e-3);
  keep(c + 112, 4.1665795894e-2);
  keep(c + 128, 1.6666665459e-1);
  keep(c + 144, 5.0000001201e-1);
  keep(c + 160, 1);
}

/** `exp(x)` within 2e-7 of itself: `2^k` times a polynomial; 0 below -87, cut at 88. */
// @ts-ignore: decorator
@inline
function exp(x: v128, c: usize): v128 {
  const cut = f32x4.pmin(v128.load(c), x);
  const whole = f32x4.nearest(f32x4.mul(cut, v128.load(c, 16)));
  let r = f32x4.sub(cut, f32x4.mul(whole, v128.load(c, 32)));
  r = f32x4.sub(r, f32x4.mul(whole, v128.load(c, 48)));
  let p = madd(v128.load(c, 64), r, v128.load(c, 80));
  p = madd(p, r, v128.load(c, 96));
  p = madd(p, r, v128.load(c, 112));
  p = madd(p, r, v128.load(c, 128));
  p = madd(p, r, v128.load(c, 144));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), v128.load(c, 160));
  const k = i32x4.trunc_sat_f32x4_s(whole);
  // 2^k by its exponent: the polynomial's own goes up by k.
  const scaled = i32x4.add(p, i32x4.shl(k, 23));
  return v128.and(scaled, f32x4.ge(x, f32x4.neg(v128.load(c))));
}

/** 1 / (1 + exp(-x)), which neither overflows nor loses digits on the left. */
// @ts-ignore: decorator
@inline
function sigmoidOf(x: v128, c: usize): v128 {
  const one = f32x4.splat(1);
  const e = exp(f32x4.neg(f32x4.abs(x)), c);
  const right = f32x4.div(one, f32x4.add(one, e));
  return v128.bitselect(f32x4.mul(e, right), right, f32x4.lt(x, f32x4.splat(0)));
}

// @ts-ignore: decorator
@inline
function put(at: usize, values: usize, slopes: usize, value: v128, slope: v128): void {
  v128.store(values + at, value);
  if (slopes) v128.store(slopes + at, slope);
}

/** max(x, 0); NaN stays. */
export function relu(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  values: usize,
  _slopes: usize,
): i32 {
  const zero = f32x4.splat(0);
  for (let at = <usize>begin << 4; at < <usize>end << 4; at += 16) {
    v128.store(values + at, f32x4.max(v128.load(x + at), zero));
  }
  return 0;
}

/** `dy` where the output of `relu` is above 0, else 0; in place. */
export function reluBack(begin: i32, end: i32, _scratch: usize, dy: usize, values: usize): i32 {
  const zero = f32x4.splat(0);
  for (let at = <usize>begin << 4; at < <usize>end << 4; at += 16) {
    const kept = f32x4.gt(v128.load(values + at), zero);
    v128.store(dy + at, v128.and(v128.load(dy + at), kept));
  }
  return 0;
}

/** x for positive x, else `factor` x. */
export function leakyRelu(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  values: usize,
  slopes: usize,
  factor: f32,
): i32 {
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  const other = f32x4.splat(factor);
  for (let at = <usize>begin << 4; at < <usize>end << 4; at += 16) {
    const v = v128.load(x + at);
    const slope = v128.bitselect(one, other, f32x4.gt(v, zero));
    put(at, values, slopes, f32x4.mul(v, slope), slope);
  }
  return 0;
}

/** x for positive x, else `alpha` (exp(x) - 1). */
export function elu(
  begin: i32,
  end: i32,
  scratch: usize,
  x: usize,
  values: usize,
  slopes: usize,
  alpha: f32,
): i32 {
  keepExp(scratch);
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  const factor = f32x4.splat(alpha);
  for (let at = <usize>begin << 4; at < <usize>end << 4; at += 16) {
    const v = v128.load(x + at);
    const positive = f32x4.gt(v, zero);
    const e = f32x4.mul(factor, exp(f32x4.pmin(v, zero), scratch));
    const value = v128.bitselect(v, f32x4.sub(e, factor), positive);
    put(at, values, slopes, value, v128.bitselect(one, e, positive));
  }
  return 0;
}

export function silu(
  begin: i32,
  end: i32,
  scratch: usize,
  x: usize,
  values: usize,
  slopes: usize,
): i32 {
  keepExp(scratch);
  const one = f32x4.splat(1);
  for (let at = <usize>begin << 4; at < <usize>end << 4; at += 16) {
    const v = v128.load(x + at);
    const s = sigmoidOf(v, scratch);
    const slope = f32x4.mul(s, madd(v, f32x4.sub(one, s), one));
    put(at, values, slopes, f32x4.mul(v, s), slope);
  }
  return 0;
}

export function sigmoid(
  begin: i32,
  end: i32,
  scratch: usize,
  x: usize,
  values: usize,
  slopes: usize,
): i32 {
  keepExp(scratch);
  const one = f32x4.splat(1);
  for (let at = <usize>begin << 4; at < <usize>end << 4; at += 16) {
    const s = sigmoidOf(v128.load(x + at), scratch);
    put(at, values, slopes, s, f32x4.mul(s, f32x4.sub(one, s)));
  }
  return 0;
}

export function tanh(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  values: usize,
  slopes: usize,
): i32 {
  const one = f32x4.splat(1);
  for (let at = <usize>begin << 4; at < <usize>end << 4; at += 16) {
    const value = tanhOf(v128.load(x + at));
    put(at, values, slopes, value, f32x4.sub(one, f32x4.mul(value, value)));
  }
  return 0;
}

/**
 * `x P(Z < x)` of a standard normal Z, and its derivative `P(Z < x) + x p(x)`, by one exponential:
 * erf after Abramowitz & Stegun, 7.1.26, within 1.5e-7.
 */
export function gelu(
  begin: i32,
  end: i32,
  scratch: usize,
  x: usize,
  values: usize,
  slopes: usize,
): i32 {
  keepExp(scratch);
  const c = scratch + EXP;
  keep(c, 0.7071067811865475);
  keep(c + 16, 0.3275911);
  keep(c + 32, 1.061405429);
  keep(c + 48, -1.453152027);
  keep(c + 64, 1.421413741);
  keep(c + 80, -0.284496736);
  keep(c + 96, 0.254829592);
  keep(c + 112, 0.3989422804014327);
  keep(c + 128, 0.5);
  const one = f32x4.splat(1);
  for (let at = <usize>begin << 4; at < <usize>end << 4; at += 16) {
    const v = v128.load(x + at);
    const z = f32x4.mul(f32x4.abs(v), v128.load(c));
    const t = f32x4.div(one, madd(v128.load(c, 16), z, one));
    const e = exp(f32x4.neg(f32x4.mul(z, z)), scratch);
    let p = madd(v128.load(c, 32), t, v128.load(c, 48));
    p = madd(p, t, v128.load(c, 64));
    p = madd(p, t, v128.load(c, 80));
    p = madd(p, t, v128.load(c, 96));
    // The probability of the far side of |x|.
    const far = f32x4.mul(v128.load(c, 128), f32x4.mul(f32x4.mul(p, t), e));
    const below = v128.bitselect(far, f32x4.sub(one, far), f32x4.lt(v, f32x4.splat(0)));
    const density = f32x4.mul(e, v128.load(c, 112));
    put(at, values, slopes, f32x4.mul(v, below), madd(v, density, below));
  }
  return 0;
}

/** `to *= by`. */
export function multiplyInto(begin: i32, end: i32, _scratch: usize, to: usize, by: usize): i32 {
  for (let at = <usize>begin << 4; at < <usize>end << 4; at += 16) {
    v128.store(to + at, f32x4.mul(v128.load(to + at), v128.load(by + at)));
  }
  return 0;
}

/** `to += from`. */
export function addInto(begin: i32, end: i32, _scratch: usize, to: usize, from: usize): i32 {
  for (let at = <usize>begin << 4; at < <usize>end << 4; at += 16) {
    v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)));
  }
  return 0;
}
