/**
 * Gradients of a product's weights: `acc[k, o] += sum over p of x[p, k] * dy[p, o]`.
 *
 * A tile is 4 k x 8 outputs, kept in registers over all positions. A run whose length is no multiple
 * of 4 is read past its end, and so are the outputs past the last one: what that adds lies in *slots*
 * of their own, which nobody reads. Accumulators are `[panel][slot][8]`, the slots of a run side by
 * side.
 */
import { madd } from "./arithmetic";
import { Part } from "./convolution";

/** Adds the first `count` positions of `part`; `x` and `dy` are where it begins. */
export function addOuter(part: Part, count: i32, x: usize, dy: usize, acc: usize): void {
  const rows = changetype<usize>(part) + part.rows;
  const offsets = changetype<usize>(part) + part.offsets;
  if (part.rowBytes) {
    const from = x + load<u32>(rows) + load<u32>(offsets);
    const by = dy + load<u32>(rows, 4);
    const k = part.runBytes >> 2;
    addOuterRows(count, from, k, part.rowBytes, by, part.outputs, part.outRowBytes, acc);
    return;
  }
  const rowsEnd = rows + (<usize>count << 3);
  const tiles = ((part.runBytes >> 2) + 3) >> 2;
  const offsetsEnd = offsets + (<usize>part.runs << 2);
  for (let o = 0; o < part.outputs; o += 8) {
    const by = dy + (<usize>o << 2);
    for (let run = offsets; run != offsetsEnd; run += 4) {
      let from = x + <usize>load<u32>(run);
      for (let t = 0; t < tiles; ++t) {
        let a00 = v128.load(acc), a01 = v128.load(acc, 16);
        let a10 = v128.load(acc, 32), a11 = v128.load(acc, 48);
        let a20 = v128.load(acc, 64), a21 = v128.load(acc, 80);
        let a30 = v128.load(acc, 96), a31 = v128.load(acc, 112);
        let r = rows;
        do {
          const p = from + load<u32>(r);
          const q = by + load<u32>(r, 4);
          const y0 = v128.load(q);
          const y1 = v128.load(q, 16);
          let v = v128.load32_splat(p);
          a00 = madd(v, y0, a00);
          a01 = madd(v, y1, a01);
          v = v128.load32_splat(p, 4);
          a10 = madd(v, y0, a10);
          a11 = madd(v, y1, a11);
          v = v128.load32_splat(p, 8);
          a20 = madd(v, y0, a20);
          a21 = madd(v, y1, a21);
          v = v128.load32_splat(p, 12);
          a30 = madd(v, y0, a30);
          a31 = madd(v, y1, a31);
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
        from += 16;
      }
    }
  }
}

/** The same of `rows` rows of `k` and `outputs` floats that lie `xBytes` and `yBytes` apart. */
export function addOuterRows(
  rows: i32,
  x: usize,
  k: i32,
  xBytes: usize,
  dy: usize,
  outputs: i32,
  yBytes: usize,
  acc: usize,
): void {
  for (let o = 0; o < outputs; o += 8) {
    for (let t = 0; t < k; t += 4) {
      let a00 = v128.load(acc), a01 = v128.load(acc, 16);
      let a10 = v128.load(acc, 32), a11 = v128.load(acc, 48);
      let a20 = v128.load(acc, 64), a21 = v128.load(acc, 80);
      let a30 = v128.load(acc, 96), a31 = v128.load(acc, 112);
      let p = x + (<usize>t << 2);
      let q = dy + (<usize>o << 2);
      const end = q + <usize>rows * yBytes;
      do {
        const y0 = v128.load(q);
        const y1 = v128.load(q, 16);
        let v = v128.load32_splat(p);
        a00 = madd(v, y0, a00);
        a01 = madd(v, y1, a01);
        v = v128.load32_splat(p, 4);
        a10 = madd(v, y0, a10);
        a11 = madd(v, y1, a11);
        v = v128.load32_splat(p, 8);
        a20 = madd(v, y0, a20);
        a21 = madd(v, y1, a21);
        v = v128.load32_splat(p, 12);
        a30 = madd(v, y0, a30);
        a31 = madd(v, y1, a31);
        p += xBytes;
        q += yBytes;
      } while (q != end);
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
  }
}
