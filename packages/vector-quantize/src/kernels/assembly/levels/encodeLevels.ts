/**
 * Scalar quantization by tables: the level of a value is the number of thresholds that are at most
 * the value, the index the levels' sum by place value in integers, and a level decodes to a value.
 * Comparisons and integers only, so all binaries agree to the bit.
 */
import { isFiniteRow } from "../search/rows";

/**
 * Rows `begin` to `end` of `indices` (i32 [N], or i64 [N] if `wide`) from `vectors` (f32 [N, D]);
 * -1 for a row that is not finite.
 *
 * Four rows at a time are D vectors of four values. `cuts` (f32 [D, depth, 4]) holds, for value i of
 * those 4 * D, its thresholds at [i / 4, ., i % 4], NaN where there are fewer than `depth`;
 * `places` (i64 [D]) the place values. `scratch` (16-byte aligned) holds 16 * D bytes. Returns the
 * number of rows that are not finite.
 */
export function encodeLevels(
  begin: i32,
  end: i32,
  scratch: usize,
  vectors: usize,
  dim: i32,
  cuts: usize,
  depth: i32,
  places: usize,
  indices: usize,
  wide: i32,
): i32 {
  let bad = 0;
  for (let n = begin; n < end; n += 4) {
    const count = min(4, end - n);
    const block = vectors + (<usize>n * dim << 2);
    let open = false;
    if (count == 4) open = levelsOfFour(block, dim, cuts, depth, scratch);
    else open = levelsOf(block, count * dim, cuts, depth, scratch);
    for (let r = 0; r < count; ++r) {
      const row = <usize>r * dim << 2;
      if (open && !isFiniteRow(block + row, dim)) {
        ++bad;
        if (wide) store<i64>(indices + (<usize>(n + r) << 3), -1);
        else store<i32>(indices + (<usize>(n + r) << 2), -1);
      } else if (wide) {
        let index: i64 = 0;
        for (let d = 0; d < dim; ++d) {
          const level = <i64>load<i32>(scratch + row + (<usize>d << 2));
          index += level * load<i64>(places + (<usize>d << 3));
        }
        store<i64>(indices + (<usize>(n + r) << 3), index);
      } else {
        let index = 0;
        for (let d = 0; d < dim; ++d) {
          const level = load<i32>(scratch + row + (<usize>d << 2));
          index += level * load<i32>(places + (<usize>d << 3));
        }
        store<i32>(indices + (<usize>(n + r) << 2), index);
      }
    }
  }
  return bad;
}

/** Levels of 4 * dim values to `out` (i32); whether one is not finite. */
function levelsOfFour(x: usize, dim: i32, cuts: usize, depth: i32, out: usize): bool {
  let zeros = f32x4.splat(0); // NaN from the first value on that is not finite
  for (let i = 0; i < dim; ++i) {
    const v = v128.load(x);
    zeros = f32x4.add(zeros, f32x4.sub(v, v));
    let level = i32x4.splat(0);
    for (let j = 0; j < depth; ++j) {
      level = i32x4.sub(level, f32x4.ge(v, v128.load(cuts)));
      cuts += 16;
    }
    v128.store(out, level);
    x += 16;
    out += 16;
  }
  return v128.any_true(f32x4.ne(zeros, zeros));
}

/** As `levelsOfFour` for the first `count` values. */
function levelsOf(x: usize, count: i32, cuts: usize, depth: i32, out: usize): bool {
  let zeros: f32 = 0;
  for (let i = 0; i < count; ++i) {
    const v = load<f32>(x + (<usize>i << 2));
    zeros += v - v;
    let cut = cuts + (<usize>(i >> 2) * depth << 4) + (<usize>(i & 3) << 2);
    let level = 0;
    for (let j = 0; j < depth; ++j) {
      level += <i32>(v >= load<f32>(cut));
      cut += 16;
    }
    store<i32>(out + (<usize>i << 2), level);
  }
  return zeros != 0;
}

/**
 * As `encodeLevels` for many levels: each level by bisection of its dimension's thresholds, which
 * lie in `cuts` (f32) one dimension after the other; `counts` (i32 [D]) are the levels.
 */
export function encodeManyLevels(
  begin: i32,
  end: i32,
  scratch: usize,
  vectors: usize,
  dim: i32,
  cuts: usize,
  counts: usize,
  places: usize,
  indices: usize,
  wide: i32,
): i32 {
  let x = vectors + (<usize>begin * dim << 2);
  let bad = 0;
  for (let n = begin; n < end; ++n) {
    let index: i64 = 0;
    let zeros: f32 = 0;
    let first = cuts;
    for (let d = 0; d < dim; ++d) {
      const v = load<f32>(x);
      zeros += v - v;
      let least = 0;
      let most = load<i32>(counts + (<usize>d << 2)) - 1;
      const next = first + (<usize>most << 2);
      while (least < most) {
        const middle = (least + most) >> 1;
        if (v >= load<f32>(first + (<usize>middle << 2))) least = middle + 1;
        else most = middle;
      }
      index += <i64>least * load<i64>(places + (<usize>d << 3));
      first = next;
      x += 4;
    }
    if (zeros != 0) {
      index = -1;
      ++bad;
    }
    if (wide) store<i64>(indices + (<usize>n << 3), index);
    else store<i32>(indices + (<usize>n << 2), <i32>index);
  }
  return bad;
}

/**
 * Rows `begin` to `end` of `out` (f32 [N, D]): the values of the levels of each index, zeros for an
 * index below 0. `counts` (i32 [D]) are the levels, `values` (f32) the values, one dimension after
 * the other. `scratch` is not used. Returns the number of indices below -1 or past the last code.
 */
export function decodeLevels(
  begin: i32,
  end: i32,
  scratch: usize,
  indices: usize,
  wide: i32,
  dim: i32,
  counts: usize,
  values: usize,
  out: usize,
): i32 {
  const bytes = <usize>dim << 2;
  let to = out + <usize>begin * bytes;
  let bad = 0;
  for (let n = begin; n < end; ++n) {
    if (wide) {
      const index = load<i64>(indices + (<usize>n << 3));
      if (index < -1 || (index >= 0 && decodeWide(<u64>index, dim, counts, values, to))) ++bad;
      if (index < 0) memory.fill(to, 0, bytes);
    } else {
      const index = load<i32>(indices + (<usize>n << 2));
      if (index < -1 || (index >= 0 && decode(<u32>index, dim, counts, values, to))) ++bad;
      if (index < 0) memory.fill(to, 0, bytes);
    }
    to += bytes;
  }
  return bad;
}

/** Writes the values of one index; whether it is past the last code. */
function decode(index: u32, dim: i32, counts: usize, values: usize, to: usize): bool {
  for (let d = 0; d < dim; ++d) {
    const count = load<u32>(counts + (<usize>d << 2));
    const rest = index / count;
    store<f32>(to + (<usize>d << 2), load<f32>(values + (<usize>(index - rest * count) << 2)));
    values += <usize>count << 2;
    index = rest;
  }
  return index != 0;
}

/** As `decode` for an index of 64 bits. */
function decodeWide(index: u64, dim: i32, counts: usize, values: usize, to: usize): bool {
  for (let d = 0; d < dim; ++d) {
    const count = load<u32>(counts + (<usize>d << 2));
    const rest = index / count;
    store<f32>(to + (<usize>d << 2), load<f32>(values + (<usize>(index - rest * count) << 2)));
    values += <usize>count << 2;
    index = rest;
  }
  return index != 0;
}
