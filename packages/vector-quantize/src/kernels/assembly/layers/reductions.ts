/** Sums with a fixed order, so that no number of threads changes them. */
import { clearFloats, foldColumns } from "./arithmetic";

/**
 * `values[0] += values[1] + ... + values[blocks - 1]`, as a binary tree: floats from `begin` to `end`
 * by fours. `blockBytes` lie between two blocks.
 */
export function sumTree(
  begin: i32,
  end: i32,
  _scratch: usize,
  values: usize,
  blocks: i32,
  blockBytes: i32,
): i32 {
  for (let stride = 1; stride < blocks; stride *= 2) {
    for (let b = 0; b + stride < blocks; b += 2 * stride) {
      let to = values + <usize>b * blockBytes + (<usize>begin << 4);
      const stop = values + <usize>b * blockBytes + (<usize>end << 4);
      const other = <usize>stride * blockBytes;
      for (; to != stop; to += 16) {
        v128.store(to, f32x4.add(v128.load(to), v128.load(to + other)));
      }
    }
  }
  return 0;
}

/**
 * `sums[block, c] = sum of x[r, c]` over the rows of each block. `wide` rows are added side by side and
 * folded at the end, so that `wide * columns` is a multiple of 4.
 */
export function sumColumns(
  begin: i32,
  end: i32,
  scratch: usize,
  x: usize,
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
    let from = x + (<usize>first * columns << 2);
    let r = first;
    for (; r + wide <= last; r += wide) {
      for (let at: usize = 0; at < width; at += 16) {
        const to = scratch + at;
        v128.store(to, f32x4.add(v128.load(to), v128.load(from + at)));
      }
      from += width;
    }
    const left = <usize>((last - r) * columns) << 2;
    for (let at: usize = 0; at < left; at += 4) {
      store<f32>(scratch + at, load<f32>(scratch + at) + load<f32>(from + at));
    }
    foldColumns(scratch, sums + <usize>block * sumBytes, columns, wide);
  }
  return 0;
}
