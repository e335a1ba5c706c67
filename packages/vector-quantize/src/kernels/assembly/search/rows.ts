/**
 * Packs `count` rows of [dim] floats into tiles [tile][dim][height], less `mean`; the rows that
 * fill up the last tile are zeros. `norms` (f32, one per row) receives the squared lengths: NaN for
 * a row that holds NaN or an infinity, Infinity where the square overflows.
 *
 * Rows may be read up to 12 bytes past their end.
 */
export function packRows(
  rows: usize,
  count: i32,
  dim: i32,
  mean: usize,
  height: i32,
  out: usize,
  norms: usize,
): void {
  const step = <usize>dim << 2;
  const stride = <usize>height << 2;
  for (let first = 0; first < count; first += height) {
    for (let lane = 0; lane < height; ++lane) {
      const target = out + (<usize>lane << 2);
      if (first + lane < count) {
        const norm = packRow(rows, mean, dim, target, stride);
        store<f32>(norms, norm < f32.MAX_VALUE || isFiniteRow(rows, dim) ? norm : NaN);
        rows += step;
        norms += 4;
      } else {
        for (let d = 0; d < dim; ++d) store<f32>(target + <usize>d * stride, 0);
      }
    }
    out += step * height;
  }
}

function packRow(row: usize, mean: usize, dim: i32, out: usize, stride: usize): f32 {
  let squares = f32x4.splat(0);
  const whole = row + (<usize>(dim & ~3) << 2);
  while (row < whole) {
    const v = f32x4.sub(v128.load(row), v128.load(mean));
    squares = f32x4.add(squares, f32x4.mul(v, v));
    v128.store_lane<f32>(out, v, 0);
    v128.store_lane<f32>(out + stride, v, 1);
    v128.store_lane<f32>(out + 2 * stride, v, 2);
    v128.store_lane<f32>(out + 3 * stride, v, 3);
    out += 4 * stride;
    row += 16;
    mean += 16;
  }
  let tail: f32 = 0;
  for (let left = dim & 3; left > 0; --left) {
    const v = load<f32>(row) - load<f32>(mean);
    tail += v * v;
    store<f32>(out, v);
    out += stride;
    row += 4;
    mean += 4;
  }
  return (
    f32x4.extract_lane(squares, 0) +
    f32x4.extract_lane(squares, 1) +
    (f32x4.extract_lane(squares, 2) + f32x4.extract_lane(squares, 3)) +
    tail
  );
}

/**
 * Makes each of `count` rows invalid, by NaN as its first value, that holds a value of bits `limit`
 * or more, the sign apart; none if `limit` is 0.
 */
export function refuseRows(rows: usize, count: i32, dim: i32, limit: u32): void {
  if (limit == 0) return;
  const bytes = <usize>dim << 2;
  const end = rows + <usize>count * bytes;
  for (; rows < end; rows += bytes) {
    if (!isBelow(rows, dim, limit)) store<f32>(rows, NaN);
  }
}

function isBelow(row: usize, dim: i32, limit: u32): bool {
  const sizes = i32x4.splat(0x7fffffff);
  const most = i32x4.splat(<i32>limit - 1);
  const end = row + (<usize>dim << 2);
  const whole = row + (<usize>(dim & ~3) << 2);
  let above = i32x4.splat(0);
  for (; row < whole; row += 16) {
    above = v128.or(above, i32x4.gt_s(v128.and(v128.load(row), sizes), most));
  }
  if (v128.any_true(above)) return false;
  for (; row < end; row += 4) if ((load<u32>(row) & 0x7fffffff) >= limit) return false;
  return true;
}

/** Whether no value of the row is NaN or an infinity. */
export function isFiniteRow(row: usize, dim: i32): bool {
  for (let d = 0; d < dim; ++d) {
    if ((load<u32>(row + (<usize>d << 2)) & 0x7f800000) == 0x7f800000) return false;
  }
  return true;
}
