/**
 * As `tiles.ts`, but every score is kept: `out[row, code] = bias[code] - x[row] . c[code]`, with
 * `stride` bytes between rows. Rows that fill up the last tile are written too.
 */
import { Codebook } from "./packedCodebook";
import { nmadd, panelCodes, tileRows } from "./tiles";

/** Scores of all codes, padding included, for `count` packed rows. */
export function scoreBlock(
  book: Codebook,
  bias: usize,
  packed: usize,
  count: i32,
  out: usize,
  stride: usize,
): void {
  const shape = book.shape;
  const height = tileRows(shape);
  const tiles = (count + height - 1) / height;
  const width = <usize>panelCodes(shape) << 2;
  const step = width * book.dim;
  for (let p = 0, n = book.panels; p < n; ++p) {
    const codes = book.packed + <usize>p * step;
    const b = bias + <usize>p * width;
    const o = out + <usize>p * width;
    if (shape == 0) score6x8(packed, tiles, book.dim, codes, b, o, stride);
    else if (shape == 1) score3x12(packed, tiles, book.dim, codes, b, o, stride);
    else score4x8(packed, tiles, book.dim, codes, b, o, stride);
  }
}

function score6x8(
  x: usize,
  tiles: i32,
  dim: i32,
  codes: usize,
  bias: usize,
  out: usize,
  stride: usize,
): void {
  const end = codes + <usize>(dim * 32);
  for (let t = 0; t < tiles; ++t) {
    const b0 = v128.load(bias);
    const b1 = v128.load(bias, 16);
    let a00 = b0, a01 = b1, a10 = b0, a11 = b1, a20 = b0, a21 = b1;
    let a30 = b0, a31 = b1, a40 = b0, a41 = b1, a50 = b0, a51 = b1;
    let c = codes;
    do {
      const c0 = v128.load(c);
      const c1 = v128.load(c, 16);
      let v = v128.load32_splat(x);
      a00 = nmadd(v, c0, a00);
      a01 = nmadd(v, c1, a01);
      v = v128.load32_splat(x, 4);
      a10 = nmadd(v, c0, a10);
      a11 = nmadd(v, c1, a11);
      v = v128.load32_splat(x, 8);
      a20 = nmadd(v, c0, a20);
      a21 = nmadd(v, c1, a21);
      v = v128.load32_splat(x, 12);
      a30 = nmadd(v, c0, a30);
      a31 = nmadd(v, c1, a31);
      v = v128.load32_splat(x, 16);
      a40 = nmadd(v, c0, a40);
      a41 = nmadd(v, c1, a41);
      v = v128.load32_splat(x, 20);
      a50 = nmadd(v, c0, a50);
      a51 = nmadd(v, c1, a51);
      c += 32;
      x += 24;
    } while (c != end);
    v128.store(out, a00);
    v128.store(out, a01, 16);
    out += stride;
    v128.store(out, a10);
    v128.store(out, a11, 16);
    out += stride;
    v128.store(out, a20);
    v128.store(out, a21, 16);
    out += stride;
    v128.store(out, a30);
    v128.store(out, a31, 16);
    out += stride;
    v128.store(out, a40);
    v128.store(out, a41, 16);
    out += stride;
    v128.store(out, a50);
    v128.store(out, a51, 16);
    out += stride;
  }
}

function score3x12(
  x: usize,
  tiles: i32,
  dim: i32,
  codes: usize,
  bias: usize,
  out: usize,
  stride: usize,
): void {
  const end = codes + <usize>(dim * 48);
  for (let t = 0; t < tiles; ++t) {
    const b0 = v128.load(bias);
    const b1 = v128.load(bias, 16);
    const b2 = v128.load(bias, 32);
    let a00 = b0, a01 = b1, a02 = b2;
    let a10 = b0, a11 = b1, a12 = b2;
    let a20 = b0, a21 = b1, a22 = b2;
    let c = codes;
    do {
      const c0 = v128.load(c);
      const c1 = v128.load(c, 16);
      const c2 = v128.load(c, 32);
      let v = v128.load32_splat(x);
      a00 = nmadd(v, c0, a00);
      a01 = nmadd(v, c1, a01);
      a02 = nmadd(v, c2, a02);
      v = v128.load32_splat(x, 4);
      a10 = nmadd(v, c0, a10);
      a11 = nmadd(v, c1, a11);
      a12 = nmadd(v, c2, a12);
      v = v128.load32_splat(x, 8);
      a20 = nmadd(v, c0, a20);
      a21 = nmadd(v, c1, a21);
      a22 = nmadd(v, c2, a22);
      c += 48;
      x += 12;
    } while (c != end);
    v128.store(out, a00);
    v128.store(out, a01, 16);
    v128.store(out, a02, 32);
    out += stride;
    v128.store(out, a10);
    v128.store(out, a11, 16);
    v128.store(out, a12, 32);
    out += stride;
    v128.store(out, a20);
    v128.store(out, a21, 16);
    v128.store(out, a22, 32);
    out += stride;
  }
}

function score4x8(
  x: usize,
  tiles: i32,
  dim: i32,
  codes: usize,
  bias: usize,
  out: usize,
  stride: usize,
): void {
  const end = codes + <usize>(dim * 32);
  for (let t = 0; t < tiles; ++t) {
    const b0 = v128.load(bias);
    const b1 = v128.load(bias, 16);
    let a00 = b0, a01 = b1, a10 = b0, a11 = b1;
    let a20 = b0, a21 = b1, a30 = b0, a31 = b1;
    let c = codes;
    do {
      const c0 = v128.load(c);
      const c1 = v128.load(c, 16);
      let v = v128.load32_splat(x);
      a00 = nmadd(v, c0, a00);
      a01 = nmadd(v, c1, a01);
      v = v128.load32_splat(x, 4);
      a10 = nmadd(v, c0, a10);
      a11 = nmadd(v, c1, a11);
      v = v128.load32_splat(x, 8);
      a20 = nmadd(v, c0, a20);
      a21 = nmadd(v, c1, a21);
      v = v128.load32_splat(x, 12);
      a30 = nmadd(v, c0, a30);
      a31 = nmadd(v, c1, a31);
      c += 32;
      x += 16;
    } while (c != end);
    v128.store(out, a00);
    v128.store(out, a01, 16);
    out += stride;
    v128.store(out, a10);
    v128.store(out, a11, 16);
    out += stride;
    v128.store(out, a20);
    v128.store(out, a21, 16);
    out += stride;
    v128.store(out, a30);
    v128.store(out, a31, 16);
    out += stride;
  }
}
