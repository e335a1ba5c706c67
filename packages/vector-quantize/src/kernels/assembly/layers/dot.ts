/**
 * Products with one output: `out[p] = bias + sum over k of x[p, k] * w[k]`, by vectors of four k, where a
 * tile would use one lane in four. Runs are whole vectors; the four sums are added at the end.
 */
import { madd } from "./arithmetic";
import { Part } from "./convolution";

/** The first `count` positions of `part`: `x`, `weights`, `bias` and `out` are where it begins. */
export function multiplyDot(
  part: Part,
  count: i32,
  x: usize,
  weights: usize,
  bias: usize,
  out: usize,
): void {
  const rows = changetype<usize>(part) + part.rows;
  const last = count - 1;
  const runBytes = <usize>part.runBytes;
  const offsets = changetype<usize>(part) + part.offsets;
  const offsetsEnd = offsets + (<usize>part.runs << 2);
  const b = load<f32>(bias);
  for (let t = 0; t < count; t += 4) {
    const r0 = rows + (<usize>t << 3);
    const r1 = rows + (<usize>min(t + 1, last) << 3);
    const r2 = rows + (<usize>min(t + 2, last) << 3);
    const r3 = rows + (<usize>min(t + 3, last) << 3);
    let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
    let w = weights;
    let run = offsets;
    do {
      const from = x + <usize>load<u32>(run);
      let p0 = from + load<u32>(r0);
      let p1 = from + load<u32>(r1);
      let p2 = from + load<u32>(r2);
      let p3 = from + load<u32>(r3);
      const end = w + runBytes;
      do {
        const v = v128.load(w);
        a0 = madd(v128.load(p0), v, a0);
        a1 = madd(v128.load(p1), v, a1);
        a2 = madd(v128.load(p2), v, a2);
        a3 = madd(v128.load(p3), v, a3);
        p0 += 16;
        p1 += 16;
        p2 += 16;
        p3 += 16;
        w += 16;
      } while (w != end);
      run += 4;
    } while (run != offsetsEnd);
    store<f32>(out + load<u32>(r0, 4), b + sum(a0));
    store<f32>(out + load<u32>(r1, 4), b + sum(a1));
    store<f32>(out + load<u32>(r2, 4), b + sum(a2));
    store<f32>(out + load<u32>(r3, 4), b + sum(a3));
  }
}

// @ts-ignore: decorator
@inline
function sum(a: v128): f32 {
  return (
    f32x4.extract_lane(a, 0) +
    f32x4.extract_lane(a, 1) +
    (f32x4.extract_lane(a, 2) + f32x4.extract_lane(a, 3))
  );
}
