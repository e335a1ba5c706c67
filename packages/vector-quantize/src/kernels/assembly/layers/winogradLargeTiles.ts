/**
 * Winograd's transforms of tiles of 4 x 4 outputs, four channels at a time; `winograd.ts` has the matrices.
 * Each is one of columns, and then one of rows.
 */
import { clearFloats, madd } from "./arithmetic";
import {
  across,
  down,
  matrixBytes,
  paddedRowBytes,
  panelsOf,
  Winograd,
} from "./winograd";

/** Bytes of a tile whose columns are transformed. */
const TILE: usize = 576;

// @ts-ignore: decorator
@inline
function keep(at: usize, value: f32): void {
  v128.store(at, f32x4.splat(value));
}

/** The numbers of the transforms: constants in a loop would be made anew at each turn. */
function numbersAt(plan: Winograd, scratch: usize): usize {
  const c = scratch + plan.tile + TILE;
  keep(c, 0.75); // a
  keep(c + 16, 1.5); // b
  keep(c + 32, 0.5625); // a^2
  keep(c + 48, 2.25); // b^2
  keep(c + 64, 0.421875); // a^3
  keep(c + 80, 3.375); // b^3
  keep(c + 96, 1.265625); // a^2 b^2
  keep(c + 112, -2.8125); // -(a^2 + b^2)
  keep(c + 128, -0.5625);
  keep(c + 144, -2.25);
  return c;
}

/** B' d, six vectors `step` apart. */
// @ts-ignore: decorator
@inline
function intoDomain(
  d0: v128,
  d1: v128,
  d2: v128,
  d3: v128,
  d4: v128,
  d5: v128,
  c: usize,
  out: usize,
  step: usize,
): void {
  const product = v128.load(c, 96);
  const sum = v128.load(c, 112);
  v128.store(out, madd(d2, sum, madd(d0, product, d4)));
  v128.store(out + 5 * step, madd(d3, sum, madd(d1, product, d5)));
  let square = v128.load(c, 144);
  let even = madd(d2, square, d4);
  let odd = f32x4.mul(madd(d1, square, d3), v128.load(c));
  v128.store(out + step, f32x4.add(even, odd));
  v128.store(out + 2 * step, f32x4.sub(even, odd));
  square = v128.load(c, 128);
  even = madd(d2, square, d4);
  odd = f32x4.mul(madd(d1, square, d3), v128.load(c, 16));
  v128.store(out + 3 * step, f32x4.add(even, odd));
  v128.store(out + 4 * step, f32x4.sub(even, odd));
}

/**
 * B' d B of all tiles of a band, `[36][tiles][C]`. The columns of a row of tiles are transformed once, in a
 * strip of six rows; its seventh has the zeros above and below the image.
 */
export function transformLargeInput(plan: Winograd, image: usize, band: i32, scratch: usize): void {
  const channels = plan.channels;
  const pixel = <usize>channels << 2;
  const rowBytes = <usize>plan.columns * pixel;
  const padded = paddedRowBytes(plan);
  const zeros = scratch + 6 * padded;
  const inset = scratch + <usize>plan.left * pixel;
  const tilesAcross = across(plan);
  const matrix = matrixBytes(plan, channels);
  let out = scratch + plan.inputs;
  const c = numbersAt(plan, scratch);
  for (let ty = 0; ty < down(plan, band); ++ty) {
    const top = 4 * (band * plan.bandTiles + ty) - plan.above;
    const r0 = rowAt(plan, image, top, rowBytes, zeros);
    const r1 = rowAt(plan, image, top + 1, rowBytes, zeros);
    const r2 = rowAt(plan, image, top + 2, rowBytes, zeros);
    const r3 = rowAt(plan, image, top + 3, rowBytes, zeros);
    const r4 = rowAt(plan, image, top + 4, rowBytes, zeros);
    const r5 = rowAt(plan, image, top + 5, rowBytes, zeros);
    for (let at: usize = 0; at < rowBytes; at += 16) {
      intoDomain(
        v128.load(r0 + at),
        v128.load(r1 + at),
        v128.load(r2 + at),
        v128.load(r3 + at),
        v128.load(r4 + at),
        v128.load(r5 + at),
        c,
        inset + at,
        padded,
      );
    }
    for (let tx = 0; tx < tilesAcross; ++tx) {
      const d = scratch + <usize>(4 * tx) * pixel;
      for (let at: usize = 0; at < pixel; at += 16) {
        let from = d + at;
        let to = out + at;
        for (let i = 0; i < 6; ++i) {
          intoDomain(
            v128.load(from),
            v128.load(from + pixel),
            v128.load(from + 2 * pixel),
            v128.load(from + 3 * pixel),
            v128.load(from + 4 * pixel),
            v128.load(from + 5 * pixel),
            c,
            to,
            matrix,
          );
          from += padded;
          to += 6 * matrix;
        }
      }
      out += pixel;
    }
  }
}

// @ts-ignore: decorator
@inline
function rowAt(plan: Winograd, image: usize, r: i32, rowBytes: usize, zeros: usize): usize {
  return r >= 0 && r < plan.rows ? image + <usize>r * rowBytes : zeros;
}

/** A' m A and the bias, the outputs of a band, from `[36][tiles][panels * 8]`. */
export function transformLargeOutput(
  plan: Winograd,
  scratch: usize,
  bias: usize,
  image: usize,
  band: i32,
): void {
  const outputs = plan.outputs;
  const width = <usize>panelsOf(outputs) << 5;
  const step = matrixBytes(plan, 8 * panelsOf(outputs));
  const line = 6 * step;
  const pixel = <usize>outputs << 2;
  const rowBytes = <usize>plan.outColumns * pixel;
  const c = numbersAt(plan, scratch);
  const tile = scratch + plan.tile;
  let m = scratch + plan.products;
  for (let ty = 0; ty < down(plan, band); ++ty) {
    const y = 4 * (band * plan.bandTiles + ty);
    const rows = min(4, plan.outRows - y);
    for (let tx = 0; tx < across(plan); ++tx) {
      const columns = min(4, plan.outColumns - 4 * tx);
      const corner = image + <usize>y * rowBytes + <usize>(4 * tx) * pixel;
      for (let o: usize = 0; o < pixel; o += 16) {
        const zero = f32x4.splat(0);
        for (let j: usize = 0; j < 6; ++j) {
          outOfDomain(m + o + j * step, line, zero, c, tile + (j << 4), 96, 4);
        }
        const shift = v128.load(bias + o);
        let from = tile;
        let to = corner + o;
        for (let r = 0; r < rows; ++r) {
          outOfDomain(from, 16, shift, c, to, pixel, columns);
          from += 96;
          to += rowBytes;
        }
      }
      m += width;
    }
  }
}

/** The first `count` of the four sums of A' m, each plus `shift`. */
// @ts-ignore: decorator
@inline
function outOfDomain(
  m: usize,
  line: usize,
  shift: v128,
  c: usize,
  out: usize,
  step: usize,
  count: i32,
): void {
  let one = v128.load(m + line);
  let two = v128.load(m + 2 * line);
  const s = f32x4.add(one, two);
  const d = f32x4.sub(one, two);
  one = v128.load(m + 3 * line);
  two = v128.load(m + 4 * line);
  const u = f32x4.add(one, two);
  const v = f32x4.sub(one, two);
  v128.store(out, f32x4.add(f32x4.add(f32x4.add(v128.load(m), s), u), shift));
  if (count < 2) return;
  v128.store(out + step, madd(v, v128.load(c, 16), madd(d, v128.load(c), shift)));
  if (count < 3) return;
  v128.store(out + 2 * step, madd(u, v128.load(c, 48), madd(s, v128.load(c, 32), shift)));
  if (count < 4) return;
  const last = f32x4.add(v128.load(m + 5 * line), shift);
  v128.store(out + 3 * step, madd(v, v128.load(c, 80), madd(d, v128.load(c, 64), last)));
}

/** A dy A' of a band, `[36][tiles][O]`. */
export function transformLargeGradient(
  plan: Winograd,
  image: usize,
  band: i32,
  scratch: usize,
): void {
  const pixel = <usize>plan.outputs << 2;
  const rowBytes = <usize>plan.outColumns * pixel;
  const step = matrixBytes(plan, plan.outputs);
  const c = numbersAt(plan, scratch);
  const tile = scratch + plan.tile;
  const zero = f32x4.splat(0);
  let out = scratch + plan.products;
  for (let ty = 0; ty < down(plan, band); ++ty) {
    const y = 4 * (band * plan.bandTiles + ty);
    const rows = plan.outRows - y;
    for (let tx = 0; tx < across(plan); ++tx) {
      const columns = min(4, plan.outColumns - 4 * tx);
      const corner = image + <usize>y * rowBytes + <usize>(4 * tx) * pixel;
      // Columns past the edge are zero.
      if (columns < 4) clearFloats(tile, TILE);
      for (let o: usize = 0; o < pixel; o += 16) {
        for (let j = 0; j < columns; ++j) {
          const at = corner + o + <usize>j * pixel;
          spreadLarge(
            v128.load(at),
            rows > 1 ? v128.load(at + rowBytes) : zero,
            rows > 2 ? v128.load(at + 2 * rowBytes) : zero,
            rows > 3 ? v128.load(at + 3 * rowBytes) : zero,
            c,
            tile + (<usize>j << 4),
            64,
          );
        }
        let from = tile;
        let to = out;
        for (let i = 0; i < 6; ++i) {
          spreadLarge(
            v128.load(from),
            v128.load(from + 16),
            v128.load(from + 32),
            v128.load(from + 48),
            c,
            to,
            step,
          );
          from += 64;
          to += 6 * step;
        }
        out += 16;
      }
    }
  }
}

/** A of four numbers, six vectors `step` apart. */
// @ts-ignore: decorator
@inline
function spreadLarge(
  y0: v128,
  y1: v128,
  y2: v128,
  y3: v128,
  c: usize,
  out: usize,
  step: usize,
): void {
  v128.store(out, y0);
  v128.store(out + 5 * step, y3);
  let square = v128.load(c, 32);
  let even = madd(y2, square, y0);
  let odd = f32x4.mul(madd(y3, square, y1), v128.load(c));
  v128.store(out + step, f32x4.add(even, odd));
  v128.store(out + 2 * step, f32x4.sub(even, odd));
  square = v128.load(c, 48);
  even = madd(y2, square, y0);
  odd = f32x4.mul(madd(y3, square, y1), v128.load(c, 16));
  v128.store(out + 3 * step, f32x4.add(even, odd));
  v128.store(out + 4 * step, f32x4.sub(even, odd));
}
