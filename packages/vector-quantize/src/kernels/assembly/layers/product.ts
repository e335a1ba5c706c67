/**
 * Matrix products whose rows lie anywhere: `out[p, o] = bias[o] + sum over k of x[p, k] * w[k, o]`.
 *
 * A row of `x` is a *position*: it is made of runs of floats that lie side by side, and the runs of all
 * positions lie alike. So a convolution is a product over its output's pixels, whose runs are the
 * kernel's rows; nothing is copied (an implicit matrix product).
 *
 * A tile is 4 positions x 8 outputs, or 8 x 4 for what is left of up to 4 outputs. Its accumulators
 * start at the bias and stay in registers, as the weights of one k and one broadcast value do. Tiles
 * of 6 x 8 are some 6 percent faster in one engine and spill in others. Weights are packed by panels
 * of 8 (or 4) outputs, `[panel][K][8]`. The order over k is that of the runs, whatever the tile.
 */
import { madd } from "./arithmetic";
import { Part } from "./convolution";

/** Stores the first `lanes` of 8 floats. */
// @ts-ignore: decorator
@inline
export function put(to: usize, low: v128, high: v128, lanes: i32): void {
  if (lanes == 8) {
    v128.store(to, low);
    v128.store(to, high, 16);
  } else putSome(to, low, high, lanes);
}

/** Stores the first `lanes` of 8 floats, fewer than 8. */
export function putSome(to: usize, low: v128, high: v128, lanes: i32): void {
  if (lanes >= 4) {
    v128.store(to, low);
    to += 16;
    lanes -= 4;
    low = high;
  }
  if (lanes >= 2) {
    v128.store64_lane(to, low, 0);
    to += 8;
    lanes -= 2;
    low = i8x16.shuffle(low, low, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
  }
  if (lanes == 1) v128.store32_lane(to, low, 0);
}

/** The first `count` positions of `part`: `x`, `weights`, `bias` and `out` are where it begins. */
export function multiply(
  part: Part,
  count: i32,
  x: usize,
  weights: usize,
  bias: usize,
  out: usize,
): void {
  const k = part.runs * (part.runBytes >> 2);
  let left = part.outputs;
  while (left > 4) {
    const lanes = min(left, 8);
    multiply8(part, count, x, weights, bias, out, lanes);
    weights += <usize>k << 5;
    bias += 32;
    out += 32;
    left -= lanes;
  }
  if (left > 0) multiply4(part, count, x, weights, bias, out, left);
}

function multiply8(
  part: Part,
  count: i32,
  x: usize,
  weights: usize,
  bias: usize,
  out: usize,
  lanes: i32,
): void {
  const rows = changetype<usize>(part) + part.rows;
  const last = count - 1;
  const runBytes = <usize>part.runBytes << 3;
  const offsets = changetype<usize>(part) + part.offsets;
  const offsetsEnd = offsets + (<usize>part.runs << 2);
  for (let t = 0; t < count; t += 4) {
    const r0 = rows + (<usize>t << 3);
    const r1 = rows + (<usize>min(t + 1, last) << 3);
    const r2 = rows + (<usize>min(t + 2, last) << 3);
    const r3 = rows + (<usize>min(t + 3, last) << 3);
    const x0 = x + load<u32>(r0);
    const x1 = x + load<u32>(r1);
    const x2 = x + load<u32>(r2);
    const x3 = x + load<u32>(r3);
    const b0 = v128.load(bias);
    const b1 = v128.load(bias, 16);
    let a00 = b0, a01 = b1, a10 = b0, a11 = b1;
    let a20 = b0, a21 = b1, a30 = b0, a31 = b1;
    let w = weights;
    let run = offsets;
    do {
      const offset = <usize>load<u32>(run);
      let p0 = x0 + offset;
      let p1 = x1 + offset;
      let p2 = x2 + offset;
      let p3 = x3 + offset;
      const end = w + runBytes;
      do {
        const w0 = v128.load(w);
        const w1 = v128.load(w, 16);
        let v = v128.load32_splat(p0);
        a00 = madd(v, w0, a00);
        a01 = madd(v, w1, a01);
        v = v128.load32_splat(p1);
        a10 = madd(v, w0, a10);
        a11 = madd(v, w1, a11);
        v = v128.load32_splat(p2);
        a20 = madd(v, w0, a20);
        a21 = madd(v, w1, a21);
        v = v128.load32_splat(p3);
        a30 = madd(v, w0, a30);
        a31 = madd(v, w1, a31);
        p0 += 4;
        p1 += 4;
        p2 += 4;
        p3 += 4;
        w += 32;
      } while (w != end);
      run += 4;
    } while (run != offsetsEnd);
    put(out + load<u32>(r0, 4), a00, a01, lanes);
    put(out + load<u32>(r1, 4), a10, a11, lanes);
    put(out + load<u32>(r2, 4), a20, a21, lanes);
    put(out + load<u32>(r3, 4), a30, a31, lanes);
  }
}

function multiply4(
  part: Part,
  count: i32,
  x: usize,
  weights: usize,
  bias: usize,
  out: usize,
  lanes: i32,
): void {
  const rows = changetype<usize>(part) + part.rows;
  const last = count - 1;
  const runBytes = <usize>part.runBytes << 2;
  const offsets = changetype<usize>(part) + part.offsets;
  const offsetsEnd = offsets + (<usize>part.runs << 2);
  for (let t = 0; t < count; t += 8) {
    const r0 = rows + (<usize>t << 3);
    const r1 = rows + (<usize>min(t + 1, last) << 3);
    const r2 = rows + (<usize>min(t + 2, last) << 3);
    const r3 = rows + (<usize>min(t + 3, last) << 3);
    const r4 = rows + (<usize>min(t + 4, last) << 3);
    const r5 = rows + (<usize>min(t + 5, last) << 3);
    const r6 = rows + (<usize>min(t + 6, last) << 3);
    const r7 = rows + (<usize>min(t + 7, last) << 3);
    const b = v128.load(bias);
    let a0 = b, a1 = b, a2 = b, a3 = b, a4 = b, a5 = b, a6 = b, a7 = b;
    let w = weights;
    let run = offsets;
    do {
      const from = x + <usize>load<u32>(run);
      let p0 = from + load<u32>(r0);
      let p1 = from + load<u32>(r1);
      let p2 = from + load<u32>(r2);
      let p3 = from + load<u32>(r3);
      let p4 = from + load<u32>(r4);
      let p5 = from + load<u32>(r5);
      let p6 = from + load<u32>(r6);
      let p7 = from + load<u32>(r7);
      const end = w + runBytes;
      do {
        const c = v128.load(w);
        a0 = madd(v128.load32_splat(p0), c, a0);
        a1 = madd(v128.load32_splat(p1), c, a1);
        a2 = madd(v128.load32_splat(p2), c, a2);
        a3 = madd(v128.load32_splat(p3), c, a3);
        a4 = madd(v128.load32_splat(p4), c, a4);
        a5 = madd(v128.load32_splat(p5), c, a5);
        a6 = madd(v128.load32_splat(p6), c, a6);
        a7 = madd(v128.load32_splat(p7), c, a7);
        p0 += 4;
        p1 += 4;
        p2 += 4;
        p3 += 4;
        p4 += 4;
        p5 += 4;
        p6 += 4;
        p7 += 4;
        w += 16;
      } while (w != end);
      run += 4;
    } while (run != offsetsEnd);
    putFour(out + load<u32>(r0, 4), a0, lanes);
    putFour(out + load<u32>(r1, 4), a1, lanes);
    putFour(out + load<u32>(r2, 4), a2, lanes);
    putFour(out + load<u32>(r3, 4), a3, lanes);
    putFour(out + load<u32>(r4, 4), a4, lanes);
    putFour(out + load<u32>(r5, 4), a5, lanes);
    putFour(out + load<u32>(r6, 4), a6, lanes);
    putFour(out + load<u32>(r7, 4), a7, lanes);
  }
}

// @ts-ignore: decorator
@inline
function putFour(to: usize, a: v128, lanes: i32): void {
  if (lanes == 4) v128.store(to, a);
  else if (lanes == 1) v128.store32_lane(to, a, 0);
  else putSome(to, a, a, lanes);
}

/**
 * A product of rows that lie one after another: `out[r, o] = sum over k of x[r, k] * w[k, o]` for `rows`
 * of them, a multiple of 4, with `outBytes` between rows of whole panels.
 */
export function multiplyRows(
  rows: i32,
  x: usize,
  k: i32,
  weights: usize,
  panels: i32,
  out: usize,
  outBytes: usize,
): void {
  const step = <usize>k << 2;
  const panelBytes = <usize>k << 5;
  const zero = f32x4.splat(0);
  for (let panel = 0; panel < panels; ++panel) {
    const end = weights + panelBytes;
    let from = x;
    let to = out + (<usize>panel << 5);
    for (let t = 0; t < rows; t += 4) {
      let a00 = zero, a01 = zero, a10 = zero, a11 = zero;
      let a20 = zero, a21 = zero, a30 = zero, a31 = zero;
      let p0 = from;
      let p1 = p0 + step;
      let p2 = p1 + step;
      let p3 = p2 + step;
      let w = weights;
      do {
        const w0 = v128.load(w);
        const w1 = v128.load(w, 16);
        let v = v128.load32_splat(p0);
        a00 = madd(v, w0, a00);
        a01 = madd(v, w1, a01);
        v = v128.load32_splat(p1);
        a10 = madd(v, w0, a10);
        a11 = madd(v, w1, a11);
        v = v128.load32_splat(p2);
        a20 = madd(v, w0, a20);
        a21 = madd(v, w1, a21);
        v = v128.load32_splat(p3);
        a30 = madd(v, w0, a30);
        a31 = madd(v, w1, a31);
        p0 += 4;
        p1 += 4;
        p2 += 4;
        p3 += 4;
        w += 32;
      } while (w != end);
      v128.store(to, a00);
      v128.store(to, a01, 16);
      to += outBytes;
      v128.store(to, a10);
      v128.store(to, a11, 16);
      to += outBytes;
      v128.store(to, a20);
      v128.store(to, a21, 16);
      to += outBytes;
      v128.store(to, a30);
      v128.store(to, a31, 16);
      to += outBytes;
      from += step << 2;
    }
    weights = end;
  }
}
