/** The steps of k-means that are neither search nor statistics. */
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

/**
 * Codes `begin` to `end` of `centroids` (f32 [K, D]): `sums[k] / counts[k]`, of length 1 if
 * `spherical`; a code that counts nothing stays. `counts` is f32 [K]. Returns 0.
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
