/**
 * Sums of the vectors assigned to each code, the same whatever the number of threads: rows are
 * ordered by code, cut into blocks, and each block is summed by one thread in order. A block's
 * first code may have begun in the block before; its part goes to `heads`, and the heads are added
 * in the order of the blocks.
 */

/** Rows of a block; part of the result's definition, as in `assignStats.reference.ts`. */
const BLOCK: i32 = 256;

/**
 * Orders row numbers by index; a single call, `begin` and `end` are the rows. `starts` (i32 [K + 1])
 * gets where each code's rows start in `order` (i32 [N]); rows with index -1 are left out, and
 * `starts[K]` is the number of the others. `next` (i32 [K]) is working space. Returns the number of
 * indices outside -1 ... K - 1; if it is not 0, `order` is not written.
 */
export function orderByCode(
  begin: i32,
  end: i32,
  scratch: usize,
  indices: usize,
  size: i32,
  starts: usize,
  next: usize,
  order: usize,
): i32 {
  let bad = 0;
  memory.fill(starts, 0, (<usize>size + 1) << 2);
  for (let n = begin; n < end; ++n) {
    const index = load<i32>(indices + (<usize>n << 2));
    if (<u32>index < <u32>size) {
      const at = starts + (<usize>index << 2);
      store<i32>(at, load<i32>(at, 4) + 1, 4);
    } else if (index != -1) ++bad;
  }
  if (bad != 0) return bad;
  let sum = 0;
  for (let k = 0; k < size; ++k) {
    const at = <usize>k << 2;
    store<i32>(next + at, sum);
    sum += load<i32>(starts + at, 4);
    store<i32>(starts + at, sum, 4);
  }
  for (let n = begin; n < end; ++n) {
    const index = load<i32>(indices + (<usize>n << 2));
    if (index < 0) continue;
    const at = next + (<usize>index << 2);
    const place = load<i32>(at);
    store<i32>(at, place + 1);
    store<i32>(order + (<usize>place << 2), n);
  }
  return 0;
}

/**
 * Blocks `begin` to `end`, counted from block `origin`, of the ordered rows, `total` = `starts[K]` rows in all.
 * `sums` (f32 [K, D], zeros before) gets the sums, `heads` (f32 [blocks, D]) the parts of codes that began
 * in an earlier block. `places` (i32, from the first row of block `origin` on) are those of the ordered rows in
 * `vectors` and `weights`; `weights` are what rows count, or 0: one each. `scratch` is not used. Returns 0.
 */
export function sumBlocks(
  begin: i32,
  end: i32,
  scratch: usize,
  vectors: usize,
  dim: i32,
  weights: usize,
  places: usize,
  origin: i32,
  indices: usize,
  order: usize,
  total: i32,
  starts: usize,
  sums: usize,
  heads: usize,
): i32 {
  const bytes = <usize>dim << 2;
  const earlier = <usize>(origin * BLOCK) << 2;
  for (let b = origin + begin; b < origin + end; ++b) {
    const first = b * BLOCK;
    const last = min(first + BLOCK, total);
    for (let p = first; p < last; ) {
      const row = load<i32>(order + (<usize>p << 2));
      const code = load<i32>(indices + (<usize>row << 2));
      const bounds = starts + (<usize>code << 2);
      const stop = min(load<i32>(bounds, 4), last);
      const to = load<i32>(bounds) < first ? heads + <usize>b * bytes : sums + <usize>code * bytes;
      const rows = places + (<usize>p << 2) - earlier;
      if (weights == 0) sumRows(vectors, dim, rows, stop - p, to);
      else sumWeighted(vectors, dim, weights, rows, stop - p, to);
      p = stop;
    }
  }
  return 0;
}

/** The sum of `count` rows given by their numbers, in order. */
function sumRows(vectors: usize, dim: i32, order: usize, count: i32, to: usize): void {
  const bytes = <usize>dim << 2;
  const stop = order + (<usize>count << 2);
  let d = 0;
  for (const whole = dim & ~15; d < whole; d += 16) {
    const from = vectors + (<usize>d << 2);
    let s0 = f32x4.splat(0);
    let s1 = s0, s2 = s0, s3 = s0;
    for (let p = order; p < stop; p += 4) {
      const row = from + <usize>load<u32>(p) * bytes;
      s0 = f32x4.add(s0, v128.load(row));
      s1 = f32x4.add(s1, v128.load(row, 16));
      s2 = f32x4.add(s2, v128.load(row, 32));
      s3 = f32x4.add(s3, v128.load(row, 48));
    }
    v128.store(to, s0);
    v128.store(to, s1, 16);
    v128.store(to, s2, 32);
    v128.store(to, s3, 48);
    to += 64;
  }
  for (const whole = dim & ~3; d < whole; d += 4) {
    const from = vectors + (<usize>d << 2);
    let s = f32x4.splat(0);
    for (let p = order; p < stop; p += 4) {
      s = f32x4.add(s, v128.load(from + <usize>load<u32>(p) * bytes));
    }
    v128.store(to, s);
    to += 16;
  }
  for (; d < dim; ++d) {
    const from = vectors + (<usize>d << 2);
    let s: f32 = 0;
    for (let p = order; p < stop; p += 4) s += load<f32>(from + <usize>load<u32>(p) * bytes);
    store<f32>(to, s);
    to += 4;
  }
}

/** As `sumRows`, of rows times their weights: a row of weight 1 adds the same, to the bit. */
function sumWeighted(
  vectors: usize,
  dim: i32,
  weights: usize,
  order: usize,
  count: i32,
  to: usize,
): void {
  const bytes = <usize>dim << 2;
  const stop = order + (<usize>count << 2);
  let d = 0;
  for (const whole = dim & ~3; d < whole; d += 4) {
    const from = vectors + (<usize>d << 2);
    let s = f32x4.splat(0);
    for (let p = order; p < stop; p += 4) {
      const row = <usize>load<u32>(p);
      const weight = f32x4.splat(load<f32>(weights + (row << 2)));
      s = f32x4.add(s, f32x4.mul(weight, v128.load(from + row * bytes)));
    }
    v128.store(to, s);
    to += 16;
  }
  for (; d < dim; ++d) {
    const from = vectors + (<usize>d << 2);
    let s: f32 = 0;
    for (let p = order; p < stop; p += 4) {
      const row = <usize>load<u32>(p);
      s += load<f32>(weights + (row << 2)) * load<f32>(from + row * bytes);
    }
    store<f32>(to, s);
    to += 4;
  }
}

/** Adds the heads of all blocks to `sums`, in order; a single call. Returns 0. */
export function addHeads(
  begin: i32,
  end: i32,
  scratch: usize,
  dim: i32,
  indices: usize,
  order: usize,
  starts: usize,
  sums: usize,
  heads: usize,
): i32 {
  for (let b = max(begin, 1); b < end; ++b) {
    const row = load<i32>(order + (<usize>(b * BLOCK) << 2));
    const code = load<i32>(indices + (<usize>row << 2));
    if (load<i32>(starts + (<usize>code << 2)) >= b * BLOCK) continue;
    const head = heads + (<usize>b * dim << 2);
    const to = sums + (<usize>code * dim << 2);
    addFloats(0, dim, 0, head, to);
  }
  return 0;
}

/** `to[i] += from[i]` for i from `begin` to `end` (f32). Returns 0. */
export function addFloats(begin: i32, end: i32, scratch: usize, from: usize, to: usize): i32 {
  let i = begin;
  for (; i + 4 <= end; i += 4) {
    const at = <usize>i << 2;
    v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)));
  }
  for (; i < end; ++i) {
    const at = <usize>i << 2;
    store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at));
  }
  return 0;
}
