/**
 * 3 x 3 convolutions of stride 1 by Winograd's F(2 x 2, 3 x 3): 16 products over tiles of 2 x 2 outputs
 * in place of 36. With `d` a tile's 4 x 4 inputs and `g` the kernel,
 *
 *   y = A' [(G g G') * (B' d B)] A
 *
 *   B' = 1  0 -1  0    G = 1   0   0      A' = 1 1  1  0
 *        0  1  1  0       1/2  1/2 1/2         0 1 -1 -1
 *        0 -1  1  0       1/2 -1/2 1/2
 *        0  1  0 -1        0   0   1
 *
 * where `*` multiplies the 16 entries one by one, summed over channels: a matrix product of tiles by
 * channels each. Sums have C terms in place of 9 C, so that errors are no larger than the direct way's.
 * Odd sides get a tile that hangs over, which is cut off.
 *
 * Source: Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2015,
 * https://arxiv.org/abs/1509.09308.
 */
import { clearFloats, copyFloats } from "./arithmetic";
import { addOuterRows } from "./outerProduct";
import { multiplyRows } from "./product";

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
  /** Zeros above and on the left. */
  padding: i32;
  /** Output: rows, columns, channels (a multiple of 4). */
  outRows: i32;
  outColumns: i32;
  outputs: i32;
  /** Byte offsets in the scratch memory: transformed inputs, and transformed outputs. */
  inputs: i32;
  products: i32;
}

/** Tiles side by side. */
// @ts-ignore: decorator
@inline
function across(plan: Winograd): i32 {
  return (plan.outColumns + 1) >> 1;
}

/** Rows of tiles in `band`. */
// @ts-ignore: decorator
@inline
function down(plan: Winograd, band: i32): i32 {
  return min(plan.bandTiles, ((plan.outRows + 1) >> 1) - band * plan.bandTiles);
}

/** Bytes of a row of the scratch image: two columns more than the tiles' outputs. */
// @ts-ignore: decorator
@inline
function paddedRowBytes(plan: Winograd): usize {
  return (<usize>(2 * across(plan) + 2) * plan.channels) << 2;
}

/**
 * Bytes from one of the 16 matrices of a band to the next: tiles, up to a multiple of 4, x channels, and a
 * line of the cache, for matrices a power of two apart would push one another out of it.
 */
// @ts-ignore: decorator
@inline
function matrixBytes(plan: Winograd, channels: i32): usize {
  return <usize>((plan.bandTiles * across(plan) + 3) & ~3) * (<usize>channels << 2) + 64;
}

// @ts-ignore: decorator
@inline
function panelsOf(outputs: i32): i32 {
  return (outputs + 7) >> 3;
}

/** The transformed inputs `[16][tiles][C]` of a band. */
function transformInput(plan: Winograd, image: usize, band: i32, scratch: usize): void {
  const channels = plan.channels;
  const pixel = <usize>channels << 2;
  const rowBytes = <usize>plan.columns * pixel;
  const padded = paddedRowBytes(plan);
  const tilesDown = down(plan, band);
  const tilesAcross = across(plan);
  const top = 2 * band * plan.bandTiles - plan.padding;
  let to = scratch + <usize>plan.padding * pixel;
  for (let r = top; r < top + 2 * tilesDown + 2; ++r) {
    if (r >= 0 && r < plan.rows) copyFloats(to, image + <usize>r * rowBytes, rowBytes);
    else clearFloats(to, rowBytes);
    to += padded;
  }
  const step = matrixBytes(plan, channels);
  let out = scratch + plan.inputs;
  for (let ty = 0; ty < tilesDown; ++ty) {
    let d = scratch + <usize>(2 * ty) * padded;
    for (let tx = 0; tx < tilesAcross; ++tx) {
      for (let c: usize = 0; c < pixel; c += 16) {
        transformTile(d + c, padded, pixel, out, step);
        out += 16;
      }
      d += 2 * pixel;
    }
  }
}

/** B' d B of four channels: the inner rows first, so that few numbers are live at a time. */
// @ts-ignore: decorator
@inline
function transformTile(d: usize, row: usize, pixel: usize, out: usize, step: usize): void {
  let at = d + row;
  let d0 = v128.load(at);
  let d1 = v128.load(at + pixel);
  let d2 = v128.load(at + 2 * pixel);
  let d3 = v128.load(at + 3 * pixel);
  const b0 = f32x4.sub(d0, d2);
  const b1 = f32x4.add(d1, d2);
  const b2 = f32x4.sub(d2, d1);
  const b3 = f32x4.sub(d1, d3);
  at += row;
  d0 = v128.load(at);
  d1 = v128.load(at + pixel);
  d2 = v128.load(at + 2 * pixel);
  d3 = v128.load(at + 3 * pixel);
  const c0 = f32x4.sub(d0, d2);
  const c1 = f32x4.add(d1, d2);
  const c2 = f32x4.sub(d2, d1);
  const c3 = f32x4.sub(d1, d3);
  d0 = v128.load(d);
  d1 = v128.load(d + pixel);
  d2 = v128.load(d + 2 * pixel);
  d3 = v128.load(d + 3 * pixel);
  v128.store(out, f32x4.sub(f32x4.sub(d0, d2), c0));
  out += step;
  v128.store(out, f32x4.sub(f32x4.add(d1, d2), c1));
  out += step;
  v128.store(out, f32x4.sub(f32x4.sub(d2, d1), c2));
  out += step;
  v128.store(out, f32x4.sub(f32x4.sub(d1, d3), c3));
  out += step;
  v128.store(out, f32x4.add(b0, c0));
  out += step;
  v128.store(out, f32x4.add(b1, c1));
  out += step;
  v128.store(out, f32x4.add(b2, c2));
  out += step;
  v128.store(out, f32x4.add(b3, c3));
  out += step;
  v128.store(out, f32x4.sub(c0, b0));
  out += step;
  v128.store(out, f32x4.sub(c1, b1));
  out += step;
  v128.store(out, f32x4.sub(c2, b2));
  out += step;
  v128.store(out, f32x4.sub(c3, b3));
  out += step;
  at += row;
  d0 = v128.load(at);
  d1 = v128.load(at + pixel);
  d2 = v128.load(at + 2 * pixel);
  d3 = v128.load(at + 3 * pixel);
  v128.store(out, f32x4.sub(b0, f32x4.sub(d0, d2)));
  out += step;
  v128.store(out, f32x4.sub(b1, f32x4.add(d1, d2)));
  out += step;
  v128.store(out, f32x4.sub(b2, f32x4.sub(d2, d1)));
  out += step;
  v128.store(out, f32x4.sub(b3, f32x4.sub(d1, d3)));
}

/** The outputs of a band from the transformed ones `[16][tiles][panels * 8]`. */
function transformOutput(plan: Winograd, scratch: usize, bias: usize, image: usize, band: i32): void {
  const outputs = plan.outputs;
  const width = <usize>panelsOf(outputs) << 5;
  const step = matrixBytes(plan, 8 * panelsOf(outputs));
  const pixel = <usize>outputs << 2;
  const rowBytes = <usize>plan.outColumns * pixel;
  const tilesDown = down(plan, band);
  const tilesAcross = across(plan);
  let m = scratch + plan.products;
  for (let ty = 0; ty < tilesDown; ++ty) {
    const y = 2 * (band * plan.bandTiles + ty);
    const below = y + 1 < plan.outRows;
    for (let tx = 0; tx < tilesAcross; ++tx) {
      const right = 2 * tx + 1 < plan.outColumns;
      const to = image + <usize>y * rowBytes + <usize>(2 * tx) * pixel;
      for (let c: usize = 0; c < pixel; c += 16) {
        // A' m of the columns, a row of the 4 x 4 at a time: left and right output.
        let at = m + c;
        let m1 = v128.load(at + step);
        let m2 = v128.load(at + 2 * step);
        let left0 = f32x4.add(f32x4.add(v128.load(at), m1), m2);
        let right0 = f32x4.sub(f32x4.sub(m1, m2), v128.load(at + 3 * step));
        at += 4 * step;
        m1 = v128.load(at + step);
        m2 = v128.load(at + 2 * step);
        let left1 = f32x4.add(f32x4.add(v128.load(at), m1), m2);
        let right1 = f32x4.sub(f32x4.sub(m1, m2), v128.load(at + 3 * step));
        at += 4 * step;
        m1 = v128.load(at + step);
        m2 = v128.load(at + 2 * step);
        const left2 = f32x4.add(f32x4.add(v128.load(at), m1), m2);
        const right2 = f32x4.sub(f32x4.sub(m1, m2), v128.load(at + 3 * step));
        at += 4 * step;
        m1 = v128.load(at + step);
        m2 = v128.load(at + 2 * step);
        const left3 = f32x4.add(f32x4.add(v128.load(at), m1), m2);
        const right3 = f32x4.sub(f32x4.sub(m1, m2), v128.load(at + 3 * step));
        const b = v128.load(bias + c);
        left0 = f32x4.add(f32x4.add(f32x4.add(left0, left1), left2), b);
        right0 = f32x4.add(f32x4.add(f32x4.add(right0, right1), right2), b);
        left1 = f32x4.add(f32x4.sub(f32x4.sub(left1, left2), left3), b);
        right1 = f32x4.add(f32x4.sub(f32x4.sub(right1, right2), right3), b);
        v128.store(to + c, left0);
        if (right) v128.store(to + c + pixel, right0);
        if (below) {
          v128.store(to + c + rowBytes, left1);
          if (right) v128.store(to + c + rowBytes + pixel, right1);
        }
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
  clearFloats(scratch, <usize>(2 * plan.bandTiles + 2) * paddedRowBytes(plan));
  const channels = plan.channels;
  const outputs = plan.outputs;
  const panels = panelsOf(outputs);
  const width = <usize>panels << 5;
  const imageBytes = <usize>(plan.rows * plan.columns * channels) << 2;
  const outBytes = <usize>(plan.outRows * plan.outColumns * outputs) << 2;
  const step = matrixBytes(plan, channels);
  const productStep = matrixBytes(plan, 8 * panels);
  const weightStep = <usize>(panels * channels) << 5;
  for (let unit = begin; unit < end; ++unit) {
    const image = unit / plan.bands;
    const band = unit - image * plan.bands;
    transformInput(plan, x + <usize>image * imageBytes, band, scratch);
    const rows = (down(plan, band) * across(plan) + 3) & ~3;
    for (let i: usize = 0; i < 16; ++i) {
      const from = scratch + plan.inputs + i * step;
      const to = scratch + plan.products + i * productStep;
      multiplyRows(rows, from, channels, weights + i * weightStep, panels, to, width);
    }
    transformOutput(plan, scratch, bias, out + <usize>image * outBytes, band);
  }
  return 0;
}

/** The transformed gradients `[16][tiles][O]` of a band: A dy A'. */
function transformGradient(plan: Winograd, image: usize, band: i32, scratch: usize): void {
  const pixel = <usize>plan.outputs << 2;
  const rowBytes = <usize>plan.outColumns * pixel;
  const step = matrixBytes(plan, plan.outputs);
  const tilesDown = down(plan, band);
  const tilesAcross = across(plan);
  const zero = f32x4.splat(0);
  let out = scratch + plan.products;
  for (let ty = 0; ty < tilesDown; ++ty) {
    const y = 2 * (band * plan.bandTiles + ty);
    const below = y + 1 < plan.outRows;
    for (let tx = 0; tx < tilesAcross; ++tx) {
      const right = 2 * tx + 1 < plan.outColumns;
      const from = image + <usize>y * rowBytes + <usize>(2 * tx) * pixel;
      for (let c: usize = 0; c < pixel; c += 16) {
        const at = from + c;
        const y00 = v128.load(at);
        const y01 = right ? v128.load(at + pixel) : zero;
        const y10 = below ? v128.load(at + rowBytes) : zero;
        const y11 = below && right ? v128.load(at + rowBytes + pixel) : zero;
        fourOf(out, step, y00, y01);
        fourOf(out + 4 * step, step, f32x4.add(y00, y10), f32x4.add(y01, y11));
        fourOf(out + 8 * step, step, f32x4.sub(y00, y10), f32x4.sub(y01, y11));
        fourOf(out + 12 * step, step, f32x4.neg(y10), f32x4.neg(y11));
        out += 16;
      }
    }
  }
}

/** A of two numbers: y0, y0 + y1, y0 - y1, -y1. */
// @ts-ignore: decorator
@inline
function fourOf(out: usize, step: usize, y0: v128, y1: v128): void {
  v128.store(out, y0);
  v128.store(out + step, f32x4.add(y0, y1));
  v128.store(out + 2 * step, f32x4.sub(y0, y1));
  v128.store(out + 3 * step, f32x4.neg(y1));
}

/** As `convolutionOuter`; the accumulators are `[16][panel][C][8]`. */
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
  clearFloats(scratch, <usize>(2 * plan.bandTiles + 2) * paddedRowBytes(plan));
  const channels = plan.channels;
  const outputs = plan.outputs;
  const imageBytes = <usize>(plan.rows * plan.columns * channels) << 2;
  const outBytes = <usize>(plan.outRows * plan.outColumns * outputs) << 2;
  const step = matrixBytes(plan, channels);
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
      for (let i: usize = 0; i < 16; ++i) {
        const from = scratch + plan.inputs + i * step;
        const by = scratch + plan.products + i * gradientStep;
        addOuterRows(rows, from, channels, by, outputs, sums + i * sumStep);
      }
    }
  }
  return 0;
}

/** The sum of three taps of a row of `g`, as G asks for in place `i`. */
// @ts-ignore: decorator
@inline
function inDomain(i: i32, g0: f32, g1: f32, g2: f32): f32 {
  if (i == 0) return g0;
  if (i == 3) return g2;
  return i == 1 ? 0.5 * (g0 + g1 + g2) : 0.5 * (g0 - g1 + g2);
}

/** Packs `G g G'` as `[16][panel][C][8]`, panels from `begin` to `end`; taps are 9 byte offsets. */
export function packWinograd(
  begin: i32,
  end: i32,
  _scratch: usize,
  weights: usize,
  taps: usize,
  channels: i32,
  channelBytes: i32,
  outputs: i32,
  outputBytes: i32,
  packed: usize,
): i32 {
  const step = <usize>(panelsOf(outputs) * channels) << 5;
  for (let panel = begin; panel < end; ++panel) {
    let to = packed + (<usize>(panel * channels) << 5);
    for (let c = 0; c < channels; ++c) {
      for (let lane = 0; lane < 8; ++lane) {
        const o = 8 * panel + lane;
        const g = weights + <usize>c * channelBytes + <usize>o * outputBytes;
        for (let i = 0; i < 4; ++i) {
          const g0 = o < outputs ? rowInDomain(i, g, taps, 0) : 0;
          const g1 = o < outputs ? rowInDomain(i, g, taps, 1) : 0;
          const g2 = o < outputs ? rowInDomain(i, g, taps, 2) : 0;
          for (let j = 0; j < 4; ++j) {
            store<f32>(to + <usize>(4 * i + j) * step, inDomain(j, g0, g1, g2));
          }
        }
        to += 4;
      }
    }
  }
  return 0;
}

/** G of column `j` of the kernel, in place `i`. */
// @ts-ignore: decorator
@inline
function rowInDomain(i: i32, g: usize, taps: usize, j: i32): f32 {
  const at = taps + (<usize>j << 2);
  return inDomain(
    i,
    load<f32>(g + load<i32>(at)),
    load<f32>(g + load<i32>(at, 12)),
    load<f32>(g + load<i32>(at, 24)),
  );
}

/** G' of four numbers in place `i`: the way back of `inDomain`. */
// @ts-ignore: decorator
@inline
function outOfDomain(i: i32, u0: f32, u1: f32, u2: f32, u3: f32): f32 {
  if (i == 0) return u0 + 0.5 * (u1 + u2);
  return i == 1 ? 0.5 * (u1 - u2) : 0.5 * (u1 + u2) + u3;
}

/** The kernel's gradient `G' dU G` from the accumulators, for panels from `begin` to `end`. */
export function unpackWinograd(
  begin: i32,
  end: i32,
  _scratch: usize,
  gradient: usize,
  taps: usize,
  channels: i32,
  channelBytes: i32,
  outputs: i32,
  outputBytes: i32,
  acc: usize,
): i32 {
  const step = <usize>(panelsOf(outputs) * channels) << 5;
  for (let panel = begin; panel < end; ++panel) {
    const lanes = min(8, outputs - 8 * panel);
    for (let c = 0; c < channels; ++c) {
      for (let lane = 0; lane < lanes; ++lane) {
        const u = acc + (<usize>(panel * channels + c) << 5) + (<usize>lane << 2);
        const to =
          gradient + <usize>c * channelBytes + <usize>(8 * panel + lane) * outputBytes;
        for (let i = 0; i < 3; ++i) {
          const r0 = outOfDomainAt(i, u, step);
          const r1 = outOfDomainAt(i, u + step, step);
          const r2 = outOfDomainAt(i, u + 2 * step, step);
          const r3 = outOfDomainAt(i, u + 3 * step, step);
          for (let j = 0; j < 3; ++j) {
            const at = to + load<i32>(taps + (<usize>(3 * i + j) << 2));
            store<f32>(at, load<f32>(at) + outOfDomain(j, r0, r1, r2, r3));
          }
        }
      }
    }
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function outOfDomainAt(i: i32, u: usize, step: usize): f32 {
  return outOfDomain(
    i,
    load<f32>(u),
    load<f32>(u + 4 * step),
    load<f32>(u + 8 * step),
    load<f32>(u + 12 * step),
  );
}
