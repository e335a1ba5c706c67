const INVERSE_LN2: f32 = 1.4426950408889634;
const LN2: f32 = 0.6931471805599453;

/**
 * `tanh(x) = (1 - e) / (1 + e)` with `e = exp(-2 |x|)`, in the very steps of jax-js, so that both
 * round to the same bits: `exp` by `2^k` times a polynomial of degree 6.
 */
export function tanh(x: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  // 1 for negative x and else -1, as its own factor.
  const sign = v128.bitselect(one, f32x4.splat(-1), f32x4.lt(x, zero));
  const y = f32x4.mul(f32x4.mul(x, sign), f32x4.splat(2));
  const whole = f32x4.nearest(f32x4.mul(y, f32x4.splat(INVERSE_LN2)));
  const k = i32x4.trunc_sat_f32x4_s(whole);
  const r = f32x4.sub(y, f32x4.mul(whole, f32x4.splat(LN2)));
  let p = f32x4.splat(1 / 720);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1 / 120));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1 / 24));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1 / 6));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.5));
  p = f32x4.add(f32x4.mul(p, r), one);
  p = f32x4.add(f32x4.mul(p, r), one);
  const scale = i32x4.shl(i32x4.add(k, i32x4.splat(127)), 23);
  const large = i32x4.ge_s(k, i32x4.splat(-126));
  const e = v128.and(f32x4.mul(p, scale), large);
  const ratio = f32x4.mul(f32x4.sub(e, one), f32x4.div(one, f32x4.add(e, one)));
  return f32x4.mul(ratio, sign);
}
