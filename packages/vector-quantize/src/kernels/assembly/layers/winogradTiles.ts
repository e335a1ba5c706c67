/** Winograd's transforms of tiles of enlarged images, four channels at a time; `winograd.ts` has the matrices. */

/** B' d B of 3 x 3 pixels that stand for enlarged ones. */
// @ts-ignore: decorator
@inline
export function transformSmallTile(d: usize, row: usize, pixel: usize, out: usize, step: usize): void {
  let at = d + row;
  let d1 = v128.load(at + pixel);
  const b0 = f32x4.sub(v128.load(at), d1);
  const b1 = d1;
  const b2 = f32x4.sub(d1, v128.load(at + 2 * pixel));
  d1 = v128.load(d + pixel);
  v128.store(out, f32x4.sub(f32x4.sub(v128.load(d), d1), b0));
  out += step;
  v128.store(out, f32x4.sub(d1, b1));
  out += step;
  v128.store(out, f32x4.sub(f32x4.sub(d1, v128.load(d + 2 * pixel)), b2));
  out += step;
  v128.store(out, b0);
  out += step;
  v128.store(out, b1);
  out += step;
  v128.store(out, b2);
  out += step;
  at += row;
  d1 = v128.load(at + pixel);
  v128.store(out, f32x4.sub(b0, f32x4.sub(v128.load(at), d1)));
  out += step;
  v128.store(out, f32x4.sub(b1, d1));
  out += step;
  v128.store(out, f32x4.sub(b2, f32x4.sub(d1, v128.load(at + 2 * pixel))));
}

/** A of two numbers: y0, y0 + y1, -y1. */
// @ts-ignore: decorator
@inline
export function spread(out: usize, step: usize, y0: v128, y1: v128): void {
  v128.store(out, y0);
  v128.store(out + step, f32x4.add(y0, y1));
  v128.store(out + 2 * step, f32x4.neg(y1));
}

/** Adds B v B' of four channels to 3 x 3 pixels: the way back of `transformSmallTile`. */
// @ts-ignore: decorator
@inline
export function addSmallTile(d: usize, row: usize, pixel: usize, v: usize, step: usize): void {
  const line = 3 * step;
  for (let j: usize = 0; j < 3; ++j) {
    const at = v + j * step;
    const v0 = v128.load(at);
    const v2 = v128.load(at + 2 * line);
    const middle = f32x4.add(f32x4.sub(v128.load(at + line), v0), v2);
    addAcross(d, pixel, j, v0);
    addAcross(d + row, pixel, j, middle);
    addAcross(d + 2 * row, pixel, j, f32x4.neg(v2));
  }
}

/** Entry `j` of a row to the pixels that it was made of. */
// @ts-ignore: decorator
@inline
function addAcross(d: usize, pixel: usize, j: usize, e: v128): void {
  const middle = d + pixel;
  if (j == 1) {
    v128.store(middle, f32x4.add(v128.load(middle), e));
  } else if (j == 0) {
    v128.store(d, f32x4.add(v128.load(d), e));
    v128.store(middle, f32x4.sub(v128.load(middle), e));
  } else {
    const last = d + 2 * pixel;
    v128.store(middle, f32x4.add(v128.load(middle), e));
    v128.store(last, f32x4.sub(v128.load(last), e));
  }
}
