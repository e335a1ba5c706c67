/**
 * Scalar quantization in layers: each rounds what the layers before left, on a finer scale. Values
 * are handled by themselves, so four at a time go through all layers in registers. Only operations
 * that round alike everywhere, so all binaries agree to the bit.
 */
import { isFiniteRow } from "../search/rows";
import { tanh } from "./tanh";

/**
 * Rows `begin` to `end` of `indices` (i32 [N, layers]) from `vectors` (f32 [N, D]); -1 for a row
 * that is not finite.
 *
 * Four rows at a time are D vectors of four values; tables hold what belongs to value i of those
 * 4 * D at [i / 4, ..., i % 4]. A value enters as `(tanh(x a + b) c - d) e f` with `bound`
 * (f32 [D, 6, 4]), or as it is where `bound` is 0. Layer q rounds `z = r * inverse`: its level is the
 * number of `cuts` (f32 [D, depth, 4], NaN where there are fewer) that are at most z, and
 * `values[level] * scale` (f32 [D, depth + 1, 4]) is taken from r; `scales` (f32 [layers, D, 2, 4])
 * are the inverse and the scale. `places` (i32 [D]) are place values. `scratch` (16-byte aligned)
 * holds 16 * D * (layers + 1) bytes. Returns the number of rows that are
 * not finite.
 */
export function encodeResidualLevels(
  begin: i32,
  end: i32,
  scratch: usize,
  vectors: usize,
  dim: i32,
  layers: i32,
  bound: usize,
  scales: usize,
  cuts: usize,
  values: usize,
  depth: i32,
  places: usize,
  indices: usize,
): i32 {
  const bytes = <usize>dim << 4; // of four rows
  const found = scratch + bytes;
  let bad = 0;
  for (let n = begin; n < end; n += 4) {
    const count = min(4, end - n);
    let from = vectors + (<usize>n * dim << 2);
    if (count < 4) {
      memory.fill(scratch, 0, bytes);
      memory.copy(scratch, from, <usize>(count * dim) << 2);
      from = scratch;
    }
    let zeros = f32x4.splat(0); // NaN from the first value on that is not finite
    for (let i = 0; i < dim; ++i) {
      let r = v128.load(from + (<usize>i << 4));
      zeros = f32x4.add(zeros, f32x4.sub(r, r));
      if (bound) r = bounded(r, bound + <usize>(i * 96));
      const cut = cuts + (<usize>(i * depth) << 4);
      const value = values + (<usize>(i * (depth + 1)) << 4);
      let scale = scales + (<usize>i << 5);
      let to = found + (<usize>i << 4);
      for (let q = 0; q < layers; ++q) {
        const z = f32x4.mul(r, v128.load(scale));
        let level = i32x4.splat(0);
        let code = v128.load(value);
        for (let j: usize = 0; j < <usize>depth << 4; j += 16) {
          const above = f32x4.ge(z, v128.load(cut + j));
          level = i32x4.sub(level, above);
          code = v128.bitselect(v128.load(value + j, 16), code, above);
        }
        v128.store(to, level);
        r = f32x4.sub(r, f32x4.mul(code, v128.load(scale, 16)));
        scale += <usize>dim << 5;
        to += bytes;
      }
    }
    const open = v128.any_true(f32x4.ne(zeros, zeros));
    for (let row = 0; row < count; ++row) {
      const to = indices + (<usize>((n + row) * layers) << 2);
      const at = <usize>(row * dim) << 2;
      const bare = open && !isFiniteRow(from + at, dim);
      if (bare) ++bad;
      for (let q = 0; q < layers; ++q) {
        let index = -1;
        if (!bare) {
          index = 0;
          const own = found + <usize>q * bytes + at;
          for (let d = 0; d < dim; ++d) {
            index += load<i32>(own + (<usize>d << 2)) * load<i32>(places + (<usize>d << 2));
          }
        }
        store<i32>(to + (<usize>q << 2), index);
      }
    }
  }
  return bad;
}

/** The value in `v` as it enters: `(tanh(v a + b) c - d) e f`. */
// @ts-ignore: decorator
@inline
function bounded(v: v128, at: usize): v128 {
  v = tanh(f32x4.add(f32x4.mul(v, v128.load(at)), v128.load(at, 16)));
  v = f32x4.sub(f32x4.mul(v, v128.load(at, 32)), v128.load(at, 48));
  return f32x4.mul(f32x4.mul(v, v128.load(at, 64)), v128.load(at, 80));
}

/**
 * Rows `begin` to `end` of `out` (f32 [N, D]): the sum over the layers of the values of the levels of
 * each index times the layer's scale; an index of -1 adds nothing. `indices` (i32 [N, layers]),
 * `places` and `counts` (i32 [D]) are place values and levels, `values` (f32) the values of the levels
 * one dimension after the other, `scales` (f32 [layers, D]). `scratch` is not used. Returns the number
 * of indices below -1 or not below `size`.
 */
export function decodeResidualLevels(
  begin: i32,
  end: i32,
  scratch: usize,
  indices: usize,
  layers: i32,
  size: f64,
  dim: i32,
  places: usize,
  counts: usize,
  values: usize,
  scales: usize,
  out: usize,
): i32 {
  let bad = 0;
  for (let n = begin; n < end; ++n) {
    const to = out + (<usize>(n * dim) << 2);
    memory.fill(to, 0, <usize>dim << 2);
    for (let q = 0; q < layers; ++q) {
      const index = load<i32>(indices + (<usize>(n * layers + q) << 2));
      if (index < -1 || <f64>index >= size) {
        ++bad;
        continue;
      }
      if (index < 0) continue;
      let own = values;
      const scale = scales + (<usize>(q * dim) << 2);
      for (let d = 0; d < dim; ++d) {
        const at = <usize>d << 2;
        const count = load<i32>(counts + at);
        const level = (index / load<i32>(places + at)) % count;
        const code = load<f32>(own + (<usize>level << 2)) * load<f32>(scale + at);
        store<f32>(to + at, load<f32>(to + at) + code);
        own += <usize>count << 2;
      }
    }
  }
  return bad;
}
