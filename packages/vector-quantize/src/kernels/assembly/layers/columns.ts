/**
 * What batch normalisation does with the columns of `x`, `[rows, columns]`. Numbers of columns (means,
 * factors) come as `wide` rows side by side, so that `wide * columns` is a multiple of 4.
 */
import { clearFloats, foldColumns, madd } from "./arithmetic";

/**
 * `sums[block, c] = sum of (x[r, c] - means[c]) * z` over the rows of each block, where `z` is `dy[r, c]`,
 * or the first factor again if there is no `dy`.
 */
export function centredColumns(
  begin: i32,
  end: i32,
  scratch: usize,
  x: usize,
  dy: usize,
  means: usize,
  rows: i32,
  columns: i32,
  wide: i32,
  blockRows: i32,
  sums: usize,
  sumBytes: i32,
): i32 {
  const width = <usize>(wide * columns) << 2;
  for (let block = begin; block < end; ++block) {
    clearFloats(scratch, width);
    const first = block * blockRows;
    const last = min(rows, first + blockRows);
    const start = <usize>first * columns << 2;
    let from = x + start;
    let by = dy + start;
    let r = first;
    for (; r + wide <= last; r += wide) {
      for (let at: usize = 0; at < width; at += 16) {
        const to = scratch + at;
        const centred = f32x4.sub(v128.load(from + at), v128.load(means + at));
        v128.store(to, madd(centred, dy ? v128.load(by + at) : centred, v128.load(to)));
      }
      from += width;
      by += width;
    }
    const left = <usize>((last - r) * columns) << 2;
    for (let at: usize = 0; at < left; at += 4) {
      const centred = load<f32>(from + at) - load<f32>(means + at);
      const other = dy ? load<f32>(by + at) : centred;
      store<f32>(scratch + at, load<f32>(scratch + at) + centred * other);
    }
    foldColumns(scratch, sums + <usize>block * sumBytes, columns, wide);
  }
  return 0;
}

/**
 * `y = a[c] dy + b[c] (x - means[c]) + shifts[c]`, vectors from `begin` to `end`; without `dy` the first
 * product is none. `numbers` are means, b, shifts and a, `widthBytes` each.
 */
export function mixColumns(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  dy: usize,
  y: usize,
  numbers: usize,
  widthBytes: usize,
): i32 {
  let at = (<usize>begin << 4) % widthBytes;
  const stop = <usize>end << 4;
  for (let place = <usize>begin << 4; place != stop; place += 16) {
    const c = numbers + at;
    const centred = f32x4.sub(v128.load(x + place), v128.load(c));
    let sum = madd(centred, v128.load(c + widthBytes), v128.load(c + 2 * widthBytes));
    if (dy) sum = madd(v128.load(dy + place), v128.load(c + 3 * widthBytes), sum);
    v128.store(y + place, sum);
    at += 16;
    if (at == widthBytes) at = 0;
  }
  return 0;
}
