/**
 * Packs `count` rows of [dim] floats into tiles [tile][dim][tileRows], less `mean`; rows that fill
 * up the last tile are zeros. `norms` (f32, one per row) receives the squared lengths: NaN for a
 * row that holds NaN or an infinity, Infinity where the square overflows.
 */
export function packRows(
  rows: usize,
  count: i32,
  dim: i32,
  mean: usize,
  tileRows: i32,
  out: usize,
  norms: usize,
): void {
  const padded = ((count + tileRows - 1) / tileRows) * tileRows;
  const stride = <usize>tileRows << 2;
  for (let r = 0; r < padded; ++r) {
    const lane = r % tileRows;
    const target = out + (<usize>(r - lane) * dim << 2) + (<usize>lane << 2);
    if (r < count) {
      store<f32>(norms + (<usize>r << 2), packRow(rows + (<usize>r * dim << 2), mean, dim, target, stride));
    } else {
      for (let d = 0; d < dim; ++d) store<f32>(target + <usize>d * stride, 0);
    }
  }
}

function packRow(row: usize, mean: usize, dim: i32, out: usize, stride: usize): f32 {
  let squares = f32x4.splat(0);
  let d = 0;
  const whole = dim & ~3;
  for (; d < whole; d += 4) {
    const at = <usize>d << 2;
    const v = f32x4.sub(v128.load(row + at), v128.load(mean + at));
    squares = f32x4.add(squares, f32x4.mul(v, v));
    v128.store_lane<f32>(out, v, 0);
    v128.store_lane<f32>(out + stride, v, 1);
    v128.store_lane<f32>(out + 2 * stride, v, 2);
    v128.store_lane<f32>(out + 3 * stride, v, 3);
    out += 4 * stride;
  }
  let sum =
    f32x4.extract_lane(squares, 0) +
    f32x4.extract_lane(squares, 1) +
    f32x4.extract_lane(squares, 2) +
    f32x4.extract_lane(squares, 3);
  for (; d < dim; ++d) {
    const at = <usize>d << 2;
    const v = load<f32>(row + at) - load<f32>(mean + at);
    sum += v * v;
    store<f32>(out, v);
    out += stride;
  }
  return sum < f32.MAX_VALUE || isFiniteRow(row, dim) ? sum : NaN;
}

/** Whether no value of the row is NaN or an infinity. */
export function isFiniteRow(row: usize, dim: i32): bool {
  for (let d = 0; d < dim; ++d) {
    if ((load<u32>(row + (<usize>d << 2)) & 0x7f800000) == 0x7f800000) return false;
  }
  return true;
}
