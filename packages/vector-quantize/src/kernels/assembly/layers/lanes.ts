/**
 * Depthwise convolutions: each output channel meets the input channel of its own, so lanes are channels.
 *
 * `out[p, c] = bias[c] + sum over taps of x[p + tap, c] * w[tap, c]`, for 4 positions x 8 channels at a time.
 * Taps are the part's runs; weights and accumulators lie as those of a product do.
 */
import { madd } from "./arithmetic";
import { Part } from "./convolution";
import { put } from "./product";

/** The first `count` positions of `part`: `x`, `weights`, `bias` and `out` are where it begins. */
export function multiplyLanes(
  part: Part,
  count: i32,
  x: usize,
  weights: usize,
  bias: usize,
  out: usize,
): void {
  const rows = changetype<usize>(part) + part.rows;
  const last = count - 1;
  const offsets = changetype<usize>(part) + part.offsets;
  const offsetsEnd = offsets + (<usize>part.runs << 2);
  for (let o = 0; o < part.outputs; o += 8) {
    const lanes = min(8, part.outputs - o);
    // The last panel may have 4 lanes.
    const step: usize = lanes > 4 ? 32 : 16;
    const b0 = v128.load(bias);
    const b1 = v128.load(bias, 16);
    for (let t = 0; t < count; t += 4) {
      const r0 = rows + (<usize>t << 3);
      const r1 = rows + (<usize>min(t + 1, last) << 3);
      const r2 = rows + (<usize>min(t + 2, last) << 3);
      const r3 = rows + (<usize>min(t + 3, last) << 3);
      const x0 = x + load<u32>(r0);
      const x1 = x + load<u32>(r1);
      const x2 = x + load<u32>(r2);
      const x3 = x + load<u32>(r3);
      let a00 = b0, a01 = b1, a10 = b0, a11 = b1;
      let a20 = b0, a21 = b1, a30 = b0, a31 = b1;
      let w = weights;
      let run = offsets;
      do {
        const offset = <usize>load<u32>(run);
        const w0 = v128.load(w);
        const w1 = v128.load(w, 16);
        a00 = madd(v128.load(x0 + offset), w0, a00);
        a01 = madd(v128.load(x0 + offset, 16), w1, a01);
        a10 = madd(v128.load(x1 + offset), w0, a10);
        a11 = madd(v128.load(x1 + offset, 16), w1, a11);
        a20 = madd(v128.load(x2 + offset), w0, a20);
        a21 = madd(v128.load(x2 + offset, 16), w1, a21);
        a30 = madd(v128.load(x3 + offset), w0, a30);
        a31 = madd(v128.load(x3 + offset, 16), w1, a31);
        w += step;
        run += 4;
      } while (run != offsetsEnd);
      put(out + load<u32>(r0, 4), a00, a01, lanes);
      put(out + load<u32>(r1, 4), a10, a11, lanes);
      put(out + load<u32>(r2, 4), a20, a21, lanes);
      put(out + load<u32>(r3, 4), a30, a31, lanes);
    }
    weights += <usize>part.runs << 5;
    x += 32;
    bias += 32;
    out += 32;
  }
}

/** `acc[tap, c] += sum over p of x[p + tap, c] * dy[p, c]`: four taps x 8 channels at a time. */
export function addLanes(part: Part, count: i32, x: usize, dy: usize, acc: usize): void {
  const rows = changetype<usize>(part) + part.rows;
  const rowsEnd = rows + (<usize>count << 3);
  const offsets = changetype<usize>(part) + part.offsets;
  const last = part.runs - 1;
  for (let o = 0; o < part.outputs; o += 8) {
    for (let tap = 0; tap <= last; tap += 4) {
      // Slots past the last tap are read by nobody.
      const o0 = <usize>load<u32>(offsets + (<usize>tap << 2));
      const o1 = <usize>load<u32>(offsets + (<usize>min(tap + 1, last) << 2));
      const o2 = <usize>load<u32>(offsets + (<usize>min(tap + 2, last) << 2));
      const o3 = <usize>load<u32>(offsets + (<usize>min(tap + 3, last) << 2));
      let a00 = v128.load(acc), a01 = v128.load(acc, 16);
      let a10 = v128.load(acc, 32), a11 = v128.load(acc, 48);
      let a20 = v128.load(acc, 64), a21 = v128.load(acc, 80);
      let a30 = v128.load(acc, 96), a31 = v128.load(acc, 112);
      let r = rows;
      do {
        const p = x + load<u32>(r);
        const q = dy + load<u32>(r, 4);
        const y0 = v128.load(q);
        const y1 = v128.load(q, 16);
        a00 = madd(v128.load(p + o0), y0, a00);
        a01 = madd(v128.load(p + o0, 16), y1, a01);
        a10 = madd(v128.load(p + o1), y0, a10);
        a11 = madd(v128.load(p + o1, 16), y1, a11);
        a20 = madd(v128.load(p + o2), y0, a20);
        a21 = madd(v128.load(p + o2, 16), y1, a21);
        a30 = madd(v128.load(p + o3), y0, a30);
        a31 = madd(v128.load(p + o3, 16), y1, a31);
        r += 8;
      } while (r != rowsEnd);
      v128.store(acc, a00);
      v128.store(acc, a01, 16);
      v128.store(acc, a10, 32);
      v128.store(acc, a11, 48);
      v128.store(acc, a20, 64);
      v128.store(acc, a21, 80);
      v128.store(acc, a30, 96);
      v128.store(acc, a31, 112);
      acc += 128;
    }
    x += 32;
    dy += 32;
  }
}
