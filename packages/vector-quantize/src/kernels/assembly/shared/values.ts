import { Codebook, METRIC_COSINE, METRIC_EUCLIDEAN } from "./codebook";

/**
 * How far code `k` is from `row`, in f32: the squared distance, or less the inner product (dot),
 * or less the inner product with the code scaled to length 1 (cosine). Plain multiply and add in a
 * fixed order, so every engine gives the same bits.
 */
export function value(book: Codebook, row: usize, k: i32): f32 {
  const dim = book.dim;
  const code = book.codes + (<usize>k * dim << 2);
  const euclidean = book.metric == METRIC_EUCLIDEAN;
  const whole = dim & ~7;
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let d = 0;
  let sum: f32 = 0;
  if (euclidean) {
    for (; d < whole; d += 8) {
      const at = <usize>d << 2;
      const v0 = f32x4.sub(v128.load(row + at), v128.load(code + at));
      const v1 = f32x4.sub(v128.load(row + at, 16), v128.load(code + at, 16));
      s0 = f32x4.add(s0, f32x4.mul(v0, v0));
      s1 = f32x4.add(s1, f32x4.mul(v1, v1));
    }
    for (; d < dim; ++d) {
      const v = load<f32>(row + (<usize>d << 2)) - load<f32>(code + (<usize>d << 2));
      sum += v * v;
    }
  } else {
    for (; d < whole; d += 8) {
      const at = <usize>d << 2;
      s0 = f32x4.sub(s0, f32x4.mul(v128.load(row + at), v128.load(code + at)));
      s1 = f32x4.sub(s1, f32x4.mul(v128.load(row + at, 16), v128.load(code + at, 16)));
    }
    for (; d < dim; ++d) {
      sum -= load<f32>(row + (<usize>d << 2)) * load<f32>(code + (<usize>d << 2));
    }
  }
  s0 = f32x4.add(s0, s1);
  sum +=
    f32x4.extract_lane(s0, 0) +
    f32x4.extract_lane(s0, 1) +
    (f32x4.extract_lane(s0, 2) + f32x4.extract_lane(s0, 3));
  return book.metric == METRIC_COSINE
    ? <f32>(<f64>sum * load<f64>(book.scale + (<usize>k << 3)))
    : sum;
}

/** As `value`, in f64 and feature by feature: what decides between codes that f32 cannot tell apart. */
export function exactValue(book: Codebook, row: usize, k: i32): f64 {
  const dim = book.dim;
  const code = book.codes + (<usize>k * dim << 2);
  let sum: f64 = 0;
  if (book.metric == METRIC_EUCLIDEAN) {
    for (let d = 0; d < dim; ++d) {
      const v = <f64>load<f32>(row + (<usize>d << 2)) - <f64>load<f32>(code + (<usize>d << 2));
      sum += v * v;
    }
    return sum;
  }
  for (let d = 0; d < dim; ++d) {
    sum -= <f64>load<f32>(row + (<usize>d << 2)) * <f64>load<f32>(code + (<usize>d << 2));
  }
  return book.metric == METRIC_COSINE ? sum * load<f64>(book.scale + (<usize>k << 3)) : sum;
}

/** The distance that the caller gets: `value`, or 1 - cosine. `norm` is the row's squared length. */
export function distance(book: Codebook, row: usize, k: i32, norm: f32): f32 {
  const v = value(book, row, k);
  if (book.metric != METRIC_COSINE) return v;
  return norm > 0 ? <f32>(1.0 + <f64>v / sqrt(<f64>norm)) : 1;
}

/** At most this far is the score of a code from its true value, for codes no longer than `norm`. */
// @ts-ignore: decorator
@inline
export function scoreError(book: Codebook, xNorm: f64, norm: f64): f64 {
  const square = book.metric == METRIC_EUCLIDEAN ? 0.5 * norm * norm : 0;
  // The last term covers products that underflow.
  return book.unit * (square + xNorm * norm) + <f64>book.dim * 1e-44;
}
