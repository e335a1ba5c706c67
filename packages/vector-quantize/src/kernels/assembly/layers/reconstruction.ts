/** The loss between output and target, its gradient, and the squared error that PSNR is made of. */

/** x cut to low ... high; NaN stays. */
// @ts-ignore: decorator
@inline
function cutTo(x: v128, low: v128, high: v128): v128 {
  return f32x4.min(f32x4.max(x, low), high);
}

/**
 * Over blocks of `blockSize` numbers (a multiple of 4) from `begin` to `end`: `sums` f64 [blocks][2] get
 * the errors, absolute (`squares` 0) or squared, and the squared errors of the output cut to `low` ...
 * `high`. With `clamp` the errors are those of the cut output too. `gradient` gets the
 * errors' derivative times `scale`.
 */
export function reconstruction(
  begin: i32,
  end: i32,
  _scratch: usize,
  output: usize,
  target: usize,
  count: i32,
  blockSize: i32,
  squares: i32,
  clamp: i32,
  lowest: f32,
  highest: f32,
  gradient: usize,
  scale: f32,
  sums: usize,
): i32 {
  const low = f32x4.splat(lowest);
  const high = f32x4.splat(highest);
  const factor = f32x4.splat(scale);
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  for (let block = begin; block < end; ++block) {
    let errors = f64x2.splat(0);
    let distortions = f64x2.splat(0);
    const first = block * blockSize;
    const last = min(count, first + blockSize);
    for (let i = first; i < last; i += 4) {
      const at = <usize>i << 2;
      const x = v128.load(output + at);
      const y = v128.load(target + at);
      const cut = cutTo(x, low, high);
      let e = f32x4.sub(clamp ? cut : x, y);
      let d = f32x4.sub(cut, y);
      if (i + 4 > last) {
        const inside = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(last - i));
        e = v128.and(e, inside);
        d = v128.and(d, inside);
      }
      const loss = squares ? f32x4.mul(e, e) : f32x4.abs(e);
      errors = f64x2.add(errors, inDouble(loss));
      distortions = f64x2.add(distortions, inDouble(f32x4.mul(d, d)));
      const positive = v128.and(one, f32x4.gt(e, zero));
      const sign = f32x4.sub(positive, v128.and(one, f32x4.lt(e, zero)));
      let slope = f32x4.mul(squares ? f32x4.add(e, e) : sign, factor);
      if (clamp) slope = v128.and(slope, v128.and(f32x4.ge(x, low), f32x4.le(x, high)));
      v128.store(gradient + at, slope);
    }
    store<f64>(sums + (<usize>block << 4), both(errors));
    store<f64>(sums + (<usize>block << 4), both(distortions), 8);
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function inDouble(x: v128): v128 {
  const upper = i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
  return f64x2.add(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(upper));
}

// @ts-ignore: decorator
@inline
function both(x: v128): f64 {
  return f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1);
}
