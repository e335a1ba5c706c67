/** Sign bits of vectors as integers, and back. The first dimension is the most significant bit. */

/**
 * Rows `begin` to `end` of `indices` (i32 [N] for D to 31, else i64 [N]): bit D - 1 - d is 1 where
 * value d of the row of `vectors` (f32 [N, D]) is above 0; -1 for a row that is not finite. `scratch`
 * is not used. Returns the number of such rows.
 */
export function encodeSigns(
  begin: i32,
  end: i32,
  scratch: usize,
  vectors: usize,
  dim: i32,
  indices: usize,
): i32 {
  const wide = dim > 31;
  const whole = dim & ~3;
  const zero = f32x4.splat(0);
  let x = vectors + (<usize>begin * dim << 2);
  let bad = 0;
  for (let n = begin; n < end; ++n) {
    let index: i64 = 0;
    let zeros = zero; // NaN from the first value on that is not finite
    let d = 0;
    for (; d < whole; d += 4) {
      const v = v128.load(x);
      zeros = f32x4.add(zeros, f32x4.sub(v, v));
      const reversed = v128.shuffle<f32>(v, v, 3, 2, 1, 0);
      index = (index << 4) | <i64>i32x4.bitmask(f32x4.gt(reversed, zero));
      x += 16;
    }
    let open = v128.any_true(f32x4.ne(zeros, zeros));
    for (; d < dim; ++d) {
      const v = load<f32>(x);
      open = open || v - v != 0;
      index = (index << 1) | <i64>(v > 0);
      x += 4;
    }
    if (open) {
      index = -1;
      ++bad;
    }
    if (wide) store<i64>(indices + (<usize>n << 3), index);
    else store<i32>(indices + (<usize>n << 2), <i32>index);
  }
  return bad;
}

/**
 * Rows `begin` to `end` of `out` (f32 [N, D]): `scale` where the bit is 1, `-scale` where it is 0,
 * zeros for an index below 0. `indices` as in `encodeSigns`. `scratch` is not used. Returns the
 * number of indices below -1 or of 2^D and more.
 */
export function decodeSigns(
  begin: i32,
  end: i32,
  scratch: usize,
  indices: usize,
  dim: i32,
  scale: f32,
  out: usize,
): i32 {
  const wide = dim > 31;
  let to = out + (<usize>begin * dim << 2);
  let bad = 0;
  for (let n = begin; n < end; ++n) {
    const index = wide
      ? load<i64>(indices + (<usize>n << 3))
      : <i64>load<i32>(indices + (<usize>n << 2));
    if (index < -1 || index >> dim > 0) ++bad;
    if (index < 0) {
      memory.fill(to, 0, <usize>dim << 2);
      to += <usize>dim << 2;
      continue;
    }
    for (let d = dim - 1; d >= 0; --d) {
      store<f32>(to, (index >> d) & 1 ? scale : -scale);
      to += 4;
    }
  }
  return bad;
}
