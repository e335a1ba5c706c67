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
const EXP: usize = 160;

/** Puts the numbers of `exp` at `c`. */
function keepExp(c: usize): void {
  keep(c, -127);
  keep(c + 16, 1.4426950408889634); // 1 / ln 2
  keep(c + 32, 12582912); // 1.5 * 2^23: a sum with it is a whole number, which its last bits are
  // 2^r - 1, divided by r, for r in -0.5 ... 0.5: a fit of the least relative error, 4e-9.
  keep(c + 48, 0.00015353361959569156);
  keep(c + 64, 0.0013398875016719103);
  keep(c + 80, 0.00961843691766262);
  keep(c + 96, 0.055503323674201965);
  keep(c + 112, 0.24022647738456726);
  keep(c + 128, 0.6931471824645996);
  keep(c + 144, 1);
}

/** `exp(x)` for x not above 0, by `power`. */
// @ts-ignore: decorator
@inline
function exp(x: v128, c: usize): v128 {
  return power(f32x4.mul(x, v128.load(c, 16)), c);
}

/** `2^y` for y not above 0, within 1e-7: `2^k` times a polynomial; 0 below -127; NaN stays. */
// @ts-ignore: decorator
@inline
function power(y: v128, c: usize): v128 {
  const k = f32x4.add(y, v128.load(c, 32));
  const r = f32x4.sub(y, f32x4.sub(k, v128.load(c, 32)));
  // In pairs of terms: the sum of one is done while another's waits.
  const square = f32x4.mul(r, r);
  let p = madd(v128.load(c, 48), r, v128.load(c, 64));
  p = madd(p, square, madd(v128.load(c, 80), r, v128.load(c, 96)));
  p = madd(p, square, madd(v128.load(c, 112), r, v128.load(c, 128)));
  p = madd(p, r, v128.load(c, 144));
  // 2^k by its exponent: the polynomial's own goes up by k.
  const scaled = i32x4.add(p, i32x4.shl(k, 23));
  return v128.andnot(scaled, f32x4.lt(y, v128.load(c)));
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
  keep(c, -0.5 * 1.4426950408889634);
  keep(c + 16, -0.3275911 * 0.7071067811865475);
  // Halves of the polynomial's.
  keep(c + 32, 0.5307027145);
  keep(c + 48, -0.7265760135);
  keep(c + 64, 0.7107068705);
  keep(c + 80, -0.142248368);
  keep(c + 96, 0.127414796);
  keep(c + 112, 0.3989422804014327);
  const one = f32x4.splat(1);
  const sign = f32x4.splat(-0.0);
  for (let at = <usize>begin << 4; at < <usize>end << 4; at += 16) {
    const v = v128.load(x + at);
    const t = f32x4.div(one, madd(v128.load(c, 16), v128.or(v, sign), one));
    const e = power(f32x4.mul(f32x4.mul(v, v128.load(c)), v), scratch);
    let p = madd(v128.load(c, 32), t, v128.load(c, 48));
    p = madd(p, t, v128.load(c, 64));
    p = madd(p, t, v128.load(c, 80));
    p = madd(p, t, v128.load(c, 96));
    // The probability of the far side of |x|.
    const far = f32x4.mul(f32x4.mul(p, t), e);
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
