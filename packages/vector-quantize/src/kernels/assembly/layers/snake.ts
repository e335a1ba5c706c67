/**
 * `x + sin(alpha x)^2 / (alpha + 1e-9)`, a function for each channel. `alpha` comes as `wide` rows side by
 * side, so that a vector of four floats meets four alphas that lie side by side.
 */
import { madd } from "./arithmetic";

const EPSILON: f32 = 1e-9;
const TWO_OVER_PI: f32 = 0.6366197723675814;
/** pi / 2 in parts, of which the first products are exact. */
const HALF_PI_1: f32 = 1.5703125;
const HALF_PI_2: f32 = 4.837512969970703e-4;
const HALF_PI_3: f32 = 7.549789948768648e-8;

/** Sine (`odd` 0) or cosine (1) of four angles, within 2e-7 up to some thousands. */
// @ts-ignore: decorator
@inline
function wave(angle: v128, odd: i32): v128 {
  const whole = f32x4.nearest(f32x4.mul(angle, f32x4.splat(TWO_OVER_PI)));
  let r = f32x4.sub(angle, f32x4.mul(whole, f32x4.splat(HALF_PI_1)));
  r = f32x4.sub(r, f32x4.mul(whole, f32x4.splat(HALF_PI_2)));
  r = f32x4.sub(r, f32x4.mul(whole, f32x4.splat(HALF_PI_3)));
  const square = f32x4.mul(r, r);
  let s = madd(f32x4.splat(-1.9515295891e-4), square, f32x4.splat(8.3321608736e-3));
  s = madd(s, square, f32x4.splat(-1.6666654611e-1));
  s = madd(f32x4.mul(s, square), r, r);
  let c = madd(f32x4.splat(2.443315711809948e-5), square, f32x4.splat(-1.388731625493765e-3));
  c = madd(c, square, f32x4.splat(4.166664568298827e-2));
  c = madd(f32x4.mul(c, square), square, madd(f32x4.splat(-0.5), square, f32x4.splat(1)));
  const quarter = i32x4.add(i32x4.trunc_sat_f32x4_s(whole), i32x4.splat(odd));
  const isCosine = i32x4.eq(v128.and(quarter, i32x4.splat(1)), i32x4.splat(1));
  const sign = i32x4.shl(v128.and(quarter, i32x4.splat(2)), 30);
  return v128.xor(v128.bitselect(c, s, isCosine), sign);
}

/** Vectors from `begin` to `end`; `widthBytes` of alphas. */
export function snake(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  y: usize,
  alphas: usize,
  widthBytes: i32,
): i32 {
  const one = f32x4.splat(1);
  const epsilon = f32x4.splat(EPSILON);
  let place = (<usize>begin << 4) % <usize>widthBytes;
  for (let at = <usize>begin << 4; at < <usize>end << 4; at += 16) {
    const v = v128.load(x + at);
    const alpha = v128.load(alphas + place);
    const s = wave(f32x4.mul(alpha, v), 0);
    const inverse = f32x4.div(one, f32x4.add(alpha, epsilon));
    v128.store(y + at, f32x4.add(v, f32x4.mul(f32x4.mul(s, s), inverse)));
    place += 16;
    if (place == <usize>widthBytes) place = 0;
  }
  return 0;
}

/**
 * The gradients: of the input over `dy`, in place; of the alphas as `sums` [blocks][widthBytes], over
 * blocks of `blockVectors` vectors, whole rows of alphas, of `vectors` in all. What lies past the last
 * number must be 0 in `dy`.
 */
export function snakeBack(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  dy: usize,
  alphas: usize,
  widthBytes: i32,
  vectors: i32,
  blockVectors: i32,
  sums: usize,
): i32 {
  const one = f32x4.splat(1);
  const epsilon = f32x4.splat(EPSILON);
  for (let block = begin; block < end; ++block) {
    const to = sums + <usize>block * widthBytes;
    for (let at: usize = 0; at < <usize>widthBytes; at += 16) v128.store(to + at, f32x4.splat(0));
    const first = <usize>(block * blockVectors) << 4;
    const last = <usize>min(vectors, (block + 1) * blockVectors) << 4;
    let place: usize = 0;
    for (let at = first; at < last; at += 16) {
      const v = v128.load(x + at);
      const alpha = v128.load(alphas + place);
      const inverse = f32x4.div(one, f32x4.add(alpha, epsilon));
      const angle = f32x4.mul(alpha, v);
      const s = wave(angle, 0);
      const c = wave(angle, 1);
      const double = f32x4.mul(f32x4.add(s, s), c);
      const by = v128.load(dy + at);
      const slope = f32x4.mul(double, inverse);
      const square = f32x4.mul(f32x4.mul(s, s), f32x4.mul(inverse, inverse));
      const ofAlpha = f32x4.mul(by, f32x4.sub(f32x4.mul(v, slope), square));
      v128.store(to + place, f32x4.add(v128.load(to + place), ofAlpha));
      v128.store(dy + at, f32x4.mul(by, f32x4.add(one, f32x4.mul(alpha, slope))));
      place += 16;
      if (place == <usize>widthBytes) place = 0;
    }
  }
  return 0;
}
