/** The steps of k-means that are neither search nor statistics. */
import { squaredDistance } from "../search/distance";
import { isFiniteRow } from "../search/rows";

/** Rows whose squared distances are summed together; part of the seeding's definition. */
const BLOCK: i32 = 256;

/** The number of rows `begin` to `end` of `rows` (f32 [N, D]) that hold NaN or an infinity. */
export function countBadRows(begin: i32, end: i32, scratch: usize, rows: usize, dim: i32): i32 {
  let bad = 0;
  for (let n = begin; n < end; ++n) {
    if (!isFiniteRow(rows + (<usize>n * dim << 2), dim)) ++bad;
  }
  return bad;
}

/** Scales rows `begin` to `end` to length 1; a row of zeros stays. Returns 0. */
export function normalizeRows(begin: i32, end: i32, scratch: usize, rows: usize, dim: i32): i32 {
  for (let n = begin; n < end; ++n) normalize(rows + (<usize>n * dim << 2), dim);
  return 0;
}

function normalize(row: usize, dim: i32): void {
  let squares: f64 = 0;
  for (let d = 0; d < dim; ++d) {
    const v = <f64>load<f32>(row + (<usize>d << 2));
    squares += v * v;
  }
  if (squares == 0) return;
  const scale = 1 / sqrt(squares);
  for (let d = 0; d < dim; ++d) {
    const at = row + (<usize>d << 2);
    store<f32>(at, <f32>(<f64>load<f32>(at) * scale));
  }
}

/** How many of the indices `begin` to `end` differ between `a` and `b` (i32 [N]). */
export function countChanged(begin: i32, end: i32, scratch: usize, a: usize, b: usize): i32 {
  let changed = 0;
  for (let n = begin; n < end; ++n) {
    const at = <usize>n << 2;
    changed += <i32>(load<i32>(a + at) != load<i32>(b + at));
  }
  return changed;
}

/**
 * Codes `begin` to `end` of `centroids` (f32 [K, D]): `sums[k] / counts[k]`, of length 1 if
 * `spherical`; a code with no vectors stays. `counts` is f32 [K]. Returns 0.
 */
export function means(
  begin: i32,
  end: i32,
  scratch: usize,
  sums: usize,
  counts: usize,
  dim: i32,
  spherical: i32,
  centroids: usize,
): i32 {
  for (let k = begin; k < end; ++k) {
    const count = load<f32>(counts + (<usize>k << 2));
    if (count == 0) continue;
    const sum = sums + (<usize>k * dim << 2);
    const to = centroids + (<usize>k * dim << 2);
    for (let d = 0; d < dim; ++d) {
      const at = <usize>d << 2;
      store<f32>(to + at, load<f32>(sum + at) / count);
    }
    if (spherical) normalize(to, dim);
  }
  return 0;
}

/**
 * Blocks `begin` to `end` of 256 rows: `least[n] = min(least[n], |x_n - code|^2)`, f32 [N], and the
 * sum over each block to `blockSums` (f64 [blocks]). `rows` is f32 [N, D], `total` is N. Returns 0.
 */
export function approach(
  begin: i32,
  end: i32,
  scratch: usize,
  rows: usize,
  total: i32,
  dim: i32,
  code: usize,
  least: usize,
  blockSums: usize,
): i32 {
  for (let b = begin; b < end; ++b) {
    const last = min(b * BLOCK + BLOCK, total);
    let sum: f64 = 0;
    for (let n = b * BLOCK; n < last; ++n) {
      const at = least + (<usize>n << 2);
      const distance = min(load<f32>(at), squaredDistance(rows + (<usize>n * dim << 2), code, dim));
      store<f32>(at, distance);
      sum += <f64>distance;
    }
    store<f64>(blockSums + (<usize>b << 3), sum);
  }
  return 0;
}
