/**
 * 3 x 3 convolutions of stride 1 by Winograd's F(4 x 4, 3 x 3): 36 products over tiles of 4 x 4 outputs in
 * place of 144. With `d` a tile's 6 x 6 inputs and `g` the kernel,
 *
 *   y = A' [(G g G') * (B' d B)] A
 *
 * where `*` multiplies the 36 entries one by one, summed over channels: a matrix product of tiles by channels
 * each. The matrices evaluate polynomials at 0, a, -a, b, -b and infinity; with n = 2 a^2 (a^2 - b^2) and
 * m = 2 b^2 (b^2 - a^2),
 *
 *   B' = a^2 b^2     0   -a^2-b^2      0      1 0    G = 1/(a b)^2   0      0      A' = 1  1   1   1   1  0
 *           0   -a b^2     -b^2        a      1 0         1/n       a/n  a^2/n          0  a  -a   b  -b  0
 *           0    a b^2     -b^2       -a      1 0         1/n      -a/n  a^2/n          0 a^2 a^2 b^2 b^2 0
 *           0   -a^2 b     -a^2        b      1 0         1/m       b/m  b^2/m          0 a^3-a^3 b^3-b^3 1
 *           0    a^2 b     -a^2       -b      1 0         1/m      -b/m  b^2/m
 *           0    a^2 b^2      0   -a^2-b^2    0 1          0         0     1
 *
 * At a = 3/4, b = 3/2 errors are about those of the direct way (7e-7 of the largest output for 32 channels,
 * 4e-7 directly); at 1 and 2, as usual, three times that. A and B are exact. Sides that are no multiple of 4
 * get a tile that hangs over, which is cut off.
 *
 * A 3 x 3 convolution of images that are enlarged twice has the like, with tiles of 2 x 2 outputs: along an
 * axis the large pixels are a, b, b, c, so that 9 products a small pixel do in place of 36, of its 3 x 3
 * neighbours:
 *
 *   B' = 1 -1  0    G = 1 0 0    A' = 1 1  0
 *        0  1  0        1 1 1         0 1 -1
 *        0  1 -1        0 0 1
 *
 * Source: Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2015,
 * https://arxiv.org/abs/1509.09308.
 */
import { clearFloats, copyFloats } from "./arithmetic";
import { addOuterRows } from "./outerProduct";
import { multiplyRows } from "./product";
import {
  transformLargeGradient,
  transformLargeInput,
  transformLargeOutput,
} from "./winogradLargeTiles";
import { spread, transformSmallTile } from "./winogradTiles";

/** Rows of scratch memory for tiles of 6 a side: their transformed columns, and zeros. */
export const STRIP_ROWS = 7;

/** A convolution of one shape: written by the host, read by the kernels. */
@unmanaged
export class Winograd {
  /** Bands of an image, and rows of tiles in a band. */
  bands: i32;
  bandTiles: i32;
  /** Input: rows, columns, channels (a multiple of 4). */
  rows: i32;
  columns: i32;
  channels: i32;
  /** Zeros above, and on the left. */
  above: i32;
  left: i32;
  /** Output: rows, columns, channels (a multiple of 4). */
  outRows: i32;
  outColumns: i32;
  outputs: i32;
  /** Entries a side of a transformed tile: 6, or 3 where the input is enlarged twice. */
  side: i32;
  /** Byte offsets in the scratch memory: transformed inputs, and transformed outputs. */
  inputs: i32;
  products: i32;
  /** The same of a tile that is half transformed, of 6 a side, and of numbers behind it. */
  tile: i32;
}

/** Outputs a side of a tile. */
// @ts-ignore: decorator
@inline
function outputSide(plan: Winograd): i32 {
  return plan.side == 6 ? 4 : 2;
}

/** Tiles side by side. */
// @ts-ignore: decorator
@inline
export function across(plan: Winograd): i32 {
  const side = outputSide(plan);
  return (plan.outColumns + side - 1) / side;
}

/** Rows of tiles in `band`. */
// @ts-ignore: decorator
@inline
export function down(plan: Winograd, band: i32): i32 {
  const side = outputSide(plan);
  return min(plan.bandTiles, (plan.outRows + side - 1) / side - band * plan.bandTiles);
}

/** Pixels of the input from one tile to the next. */
// @ts-ignore: decorator
@inline
function step(plan: Winograd): i32 {
  return plan.side - 2;
}

/** Entries of a transformed tile. */
// @ts-ignore: decorator
@inline
function entries(plan: Winograd): usize {
  return <usize>(plan.side * plan.side);
}

/** Bytes of a row of the scratch image or strip: two columns more than the tiles begin at. */
// @ts-ignore: decorator
@inline
export function paddedRowBytes(plan: Winograd): usize {
  return (<usize>(step(plan) * across(plan) + 2) * plan.channels) << 2;
}

/**
 * Bytes from one of the matrices of a band to the next: tiles, up to a multiple of 4, x channels, and a
 * line of the cache, for matrices a power of two apart would push one another out of it.
 */
// @ts-ignore: decorator
@inline
export function matrixBytes(plan: Winograd, channels: i32): usize {
  return <usize>((plan.bandTiles * across(plan) + 3) & ~3) * (<usize>channels << 2) + 64;
}

// @ts-ignore: decorator
@inline
export function panelsOf(outputs: i32): i32 {
  return (outputs + 7) >> 3;
}

/** Makes all of the scratch image or strip zero: its border stays so. */
function clearBorder(plan: Winograd, scratch: usize): void {
  const rows = plan.side == 6 ? STRIP_ROWS : plan.bandTiles + 2;
  clearFloats(scratch, <usize>rows * paddedRowBytes(plan));
}

/** The transformed inputs `[side * side][tiles][C]` of a band. */
function transformInput(plan: Winograd, image: usize, band: i32, scratch: usize): void {
  if (plan.side == 6) {
    transformLargeInput(plan, image, band, scratch);
    return;
  }
  const channels = plan.channels;
  const pixel = <usize>channels << 2;
  const rowBytes = <usize>plan.columns * pixel;
  const padded = paddedRowBytes(plan);
  const tilesDown = down(plan, band);
  const tilesAcross = across(plan);
  const top = band * plan.bandTiles - plan.above;
  let to = scratch + <usize>plan.left * pixel;
  for (let r = top; r < top + tilesDown + 2; ++r) {
    if (r >= 0 && r < plan.rows) copyFloats(to, image + <usize>r * rowBytes, rowBytes);
    else clearFloats(to, rowBytes);
    to += padded;
  }
  const matrix = matrixBytes(plan, channels);
  let out = scratch + plan.inputs;
  for (let ty = 0; ty < tilesDown; ++ty) {
    let d = scratch + <usize>ty * padded;
    for (let tx = 0; tx < tilesAcross; ++tx) {
      for (let c: usize = 0; c < pixel; c += 16) {
        transformSmallTile(d + c, padded, pixel, out, matrix);
        out += 16;
      }
      d += pixel;
    }
  }
}

/** The outputs of a band from the transformed ones `[side * side][tiles][panels * 8]`. */
function transformOutput(plan: Winograd, scratch: usize, bias: usize, image: usize, band: i32): void {
  if (plan.side == 6) {
    transformLargeOutput(plan, scratch, bias, image, band);
    return;
  }
  const outputs = plan.outputs;
  const width = <usize>panelsOf(outputs) << 5;
  const step = matrixBytes(plan, 8 * panelsOf(outputs));
  const row = 3 * step;
  const pixel = <usize>outputs << 2;
  const rowBytes = <usize>plan.outColumns * pixel;
  const tilesDown = down(plan, band);
  const tilesAcross = across(plan);
  let m = scratch + plan.products;
  for (let ty = 0; ty < tilesDown; ++ty) {
    const y = 2 * (band * plan.bandTiles + ty);
    for (let tx = 0; tx < tilesAcross; ++tx) {
      const to = image + <usize>y * rowBytes + <usize>(2 * tx) * pixel;
      for (let c: usize = 0; c < pixel; c += 16) {
        // A' m of the columns, a row of the entries at a time: left and right output.
        let at = m + c;
        let m1 = v128.load(at + step);
        const left0 = f32x4.add(v128.load(at), m1);
        const right0 = f32x4.sub(m1, v128.load(at + 2 * step));
        at += row;
        m1 = v128.load(at + step);
        const left1 = f32x4.add(v128.load(at), m1);
        const right1 = f32x4.sub(m1, v128.load(at + 2 * step));
        at += row;
        m1 = v128.load(at + step);
        const left2 = f32x4.add(v128.load(at), m1);
        const right2 = f32x4.sub(m1, v128.load(at + 2 * step));
        const b = v128.load(bias + c);
        v128.store(to + c, f32x4.add(f32x4.add(left0, left1), b));
        v128.store(to + c + pixel, f32x4.add(f32x4.add(right0, right1), b));
        v128.store(to + c + rowBytes, f32x4.add(f32x4.sub(left1, left2), b));
        v128.store(to + c + rowBytes + pixel, f32x4.add(f32x4.sub(right1, right2), b));
      }
      m += width;
    }
  }
}

/** `out = convolution(x) + bias`, for the bands from `begin` to `end` of all images. */
export function winograd(
  begin: i32,
  end: i32,
  scratch: usize,
  planAt: usize,
  x: usize,
  weights: usize,
  bias: usize,
  out: usize,
): i32 {
  const plan = changetype<Winograd>(planAt);
  clearBorder(plan, scratch);
  const channels = plan.channels;
  const outputs = plan.outputs;
  const panels = panelsOf(outputs);
  const width = <usize>panels << 5;
  const imageBytes = <usize>(plan.rows * plan.columns * channels) << 2;
  const outBytes = <usize>(plan.outRows * plan.outColumns * outputs) << 2;
  const inputStep = matrixBytes(plan, channels);
  const productStep = matrixBytes(plan, 8 * panels);
  const weightStep = <usize>(panels * channels) << 5;
  for (let unit = begin; unit < end; ++unit) {
    const image = unit / plan.bands;
    const band = unit - image * plan.bands;
    transformInput(plan, x + <usize>image * imageBytes, band, scratch);
    const rows = (down(plan, band) * across(plan) + 3) & ~3;
    for (let i: usize = 0; i < entries(plan); ++i) {
      const from = scratch + plan.inputs + i * inputStep;
      const to = scratch + plan.products + i * productStep;
      multiplyRows(rows, from, channels, weights + i * weightStep, panels, to, width);
    }
    transformOutput(plan, scratch, bias, out + <usize>image * outBytes, band);
  }
  return 0;
}

/** The transformed gradients `[side * side][tiles][O]` of a band: A dy A'. */
export function transformGradient(plan: Winograd, image: usize, band: i32, scratch: usize): void {
  if (plan.side == 6) {
    transformLargeGradient(plan, image, band, scratch);
    return;
  }
  const pixel = <usize>plan.outputs << 2;
  const rowBytes = <usize>plan.outColumns * pixel;
  const step = matrixBytes(plan, plan.outputs);
  const row = 3 * step;
  const tilesDown = down(plan, band);
  const tilesAcross = across(plan);
  let out = scratch + plan.products;
  for (let ty = 0; ty < tilesDown; ++ty) {
    const y = 2 * (band * plan.bandTiles + ty);
    for (let tx = 0; tx < tilesAcross; ++tx) {
      const from = image + <usize>y * rowBytes + <usize>(2 * tx) * pixel;
      for (let c: usize = 0; c < pixel; c += 16) {
        const at = from + c;
        const y00 = v128.load(at);
        const y01 = v128.load(at + pixel);
        const y10 = v128.load(at + rowBytes);
        const y11 = v128.load(at + rowBytes + pixel);
        spread(out, step, y00, y01);
        spread(out + row, step, f32x4.add(y00, y10), f32x4.add(y01, y11));
        spread(out + 2 * row, step, f32x4.neg(y10), f32x4.neg(y11));
        out += 16;
      }
    }
  }
}

/** As `convolutionOuter`; the accumulators are `[side * side][panel][C][8]`. */
export function winogradOuter(
  begin: i32,
  end: i32,
  scratch: usize,
  planAt: usize,
  x: usize,
  dy: usize,
  acc: usize,
  accBytes: i32,
  units: i32,
  blockUnits: i32,
): i32 {
  const plan = changetype<Winograd>(planAt);
  clearBorder(plan, scratch);
  const channels = plan.channels;
  const outputs = plan.outputs;
  const imageBytes = <usize>(plan.rows * plan.columns * channels) << 2;
  const outBytes = <usize>(plan.outRows * plan.outColumns * outputs) << 2;
  const pixel = <usize>channels << 2;
  const outPixel = <usize>outputs << 2;
  const inputStep = matrixBytes(plan, channels);
  const gradientStep = matrixBytes(plan, outputs);
  const sumStep = <usize>(panelsOf(outputs) * channels) << 5;
  for (let block = begin; block < end; ++block) {
    const sums = acc + <usize>block * accBytes;
    clearFloats(sums, accBytes);
    const last = min(units, (block + 1) * blockUnits);
    for (let unit = block * blockUnits; unit < last; ++unit) {
      const image = unit / plan.bands;
      const band = unit - image * plan.bands;
      transformInput(plan, x + <usize>image * imageBytes, band, scratch);
      transformGradient(plan, dy + <usize>image * outBytes, band, scratch);
      const rows = down(plan, band) * across(plan);
      for (let i: usize = 0; i < entries(plan); ++i) {
        const from = scratch + plan.inputs + i * inputStep;
        const by = scratch + plan.products + i * gradientStep;
        addOuterRows(rows, from, channels, pixel, by, outputs, outPixel, sums + i * sumStep);
      }
    }
  }
  return 0;
}
