/** Code vectors by index, and their sums over the layers of a residual quantizer. */
import { subtractRow } from "../residual/subtract";

/**
 * Rows `begin` to `end` of `out` (f32 [N, D]): the sum over the layers q, in order, of row
 * `indices[n, q]` of the q-th codebook; -1 adds nothing. `books` (u32 [Q]) holds the addresses of
 * the codebooks (f32 [K_q, D]), `sizes` (i32 [Q]) their K. `scratch` is not used. Returns the number
 * of indices outside -1 ... K_q - 1; they add nothing.
 */
export function decodeSum(
  begin: i32,
  end: i32,
  scratch: usize,
  books: usize,
  sizes: usize,
  layers: i32,
  dim: i32,
  indices: usize,
  out: usize,
): i32 {
  const bytes = <usize>dim << 2;
  const whole = dim & ~15;
  let bad = 0;
  for (let n = begin; n < end; ++n) {
    const row = indices + (<usize>n * layers << 2);
    const to = out + <usize>n * bytes;
    for (let q = 0; q < layers; ++q) {
      const index = load<i32>(row + (<usize>q << 2));
      if (index < -1 || index >= load<i32>(sizes + (<usize>q << 2))) ++bad;
    }
    let d = 0;
    for (; d < whole; d += 16) {
      const at = <usize>d << 2;
      let s0 = f32x4.splat(0);
      let s1 = s0, s2 = s0, s3 = s0;
      for (let q = 0; q < layers; ++q) {
        const code = codeOf(books, sizes, row, q, bytes);
        if (code == 0) continue;
        s0 = f32x4.add(s0, v128.load(code + at));
        s1 = f32x4.add(s1, v128.load(code + at, 16));
        s2 = f32x4.add(s2, v128.load(code + at, 32));
        s3 = f32x4.add(s3, v128.load(code + at, 48));
      }
      v128.store(to + at, s0);
      v128.store(to + at, s1, 16);
      v128.store(to + at, s2, 32);
      v128.store(to + at, s3, 48);
    }
    for (; d + 4 <= dim; d += 4) {
      const at = <usize>d << 2;
      let sum = f32x4.splat(0);
      for (let q = 0; q < layers; ++q) {
        const code = codeOf(books, sizes, row, q, bytes);
        if (code != 0) sum = f32x4.add(sum, v128.load(code + at));
      }
      v128.store(to + at, sum);
    }
    for (; d < dim; ++d) {
      const at = <usize>d << 2;
      let sum: f32 = 0;
      for (let q = 0; q < layers; ++q) {
        const code = codeOf(books, sizes, row, q, bytes);
        if (code != 0) sum += load<f32>(code + at);
      }
      store<f32>(to + at, sum);
    }
  }
  return bad;
}

/** Where the code of layer `q` lies; 0 if there is none. */
// @ts-ignore: decorator
@inline
function codeOf(books: usize, sizes: usize, row: usize, q: i32, bytes: usize): usize {
  const at = <usize>q << 2;
  const index = load<i32>(row + at);
  if (<u32>index >= load<u32>(sizes + at)) return 0;
  return <usize>load<u32>(books + at) + <usize>index * bytes;
}

/**
 * Rows `begin` to `end` of `rows` (f32 [N, D]): less row `indices[n]` of `codebook` (f32 [K, D]);
 * -1 takes nothing off. `scratch` is not used. Returns the number of indices outside -1 ... K - 1;
 * their rows stay.
 */
export function subtractCodes(
  begin: i32,
  end: i32,
  scratch: usize,
  codebook: usize,
  size: i32,
  dim: i32,
  indices: usize,
  rows: usize,
): i32 {
  const bytes = <usize>dim << 2;
  let bad = 0;
  for (let n = begin; n < end; ++n) {
    const index = load<i32>(indices + (<usize>n << 2));
    if (<u32>index < <u32>size) {
      const row = rows + <usize>n * bytes;
      subtractRow(row, codebook + <usize>index * bytes, row, dim);
    } else if (index != -1) ++bad;
  }
  return bad;
}
