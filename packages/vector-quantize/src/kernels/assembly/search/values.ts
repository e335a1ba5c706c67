import { Codebook, METRIC_COSINE, METRIC_EUCLIDEAN } from "./packedCodebook";

/**
 * How far up to three codes are from `row`, in f32: the squared distances, or less the inner
 * products (dot), or less the inner products with the codes scaled to length 1 (cosine). They come
 * in lanes 0, 1 and 2; lane 3 is 0. Separate multiply and add in a fixed order, so every engine gives
 * the same bits.
 *
 * Rows and codes may be read up to 12 bytes past their end.
 */
export function values(book: Codebook, row: usize, k0: i32, k1: i32, k2: i32): v128 {
  const dim = book.dim;
  let c0 = book.codes + (<usize>k0 * dim << 2);
  let c1 = book.codes + (<usize>k1 * dim << 2);
  let c2 = book.codes + (<usize>k2 * dim << 2);
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  const whole = row + (<usize>(dim & ~3) << 2);
  const left = dim & 3;
  const mask = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(left));
  if (book.metric == METRIC_EUCLIDEAN) {
    while (row < whole) {
      const x = v128.load(row);
      const v0 = f32x4.sub(x, v128.load(c0));
      const v1 = f32x4.sub(x, v128.load(c1));
      const v2 = f32x4.sub(x, v128.load(c2));
      s0 = f32x4.add(s0, f32x4.mul(v0, v0));
      s1 = f32x4.add(s1, f32x4.mul(v1, v1));
      s2 = f32x4.add(s2, f32x4.mul(v2, v2));
      row += 16;
      c0 += 16;
      c1 += 16;
      c2 += 16;
    }
    if (left != 0) {
      const x = v128.load(row);
      const v0 = v128.and(mask, f32x4.sub(x, v128.load(c0)));
      const v1 = v128.and(mask, f32x4.sub(x, v128.load(c1)));
      const v2 = v128.and(mask, f32x4.sub(x, v128.load(c2)));
      s0 = f32x4.add(s0, f32x4.mul(v0, v0));
      s1 = f32x4.add(s1, f32x4.mul(v1, v1));
      s2 = f32x4.add(s2, f32x4.mul(v2, v2));
    }
    return sums(s0, s1, s2);
  }
  while (row < whole) {
    const x = v128.load(row);
    s0 = f32x4.sub(s0, f32x4.mul(x, v128.load(c0)));
    s1 = f32x4.sub(s1, f32x4.mul(x, v128.load(c1)));
    s2 = f32x4.sub(s2, f32x4.mul(x, v128.load(c2)));
    row += 16;
    c0 += 16;
    c1 += 16;
    c2 += 16;
  }
  if (left != 0) {
    const x = v128.load(row);
    s0 = f32x4.sub(s0, v128.and(mask, f32x4.mul(x, v128.load(c0))));
    s1 = f32x4.sub(s1, v128.and(mask, f32x4.mul(x, v128.load(c1))));
    s2 = f32x4.sub(s2, v128.and(mask, f32x4.mul(x, v128.load(c2))));
  }
  s0 = sums(s0, s1, s2);
  if (book.metric == METRIC_COSINE) {
    s0 = f32x4.replace_lane(s0, 0, scaled(book, f32x4.extract_lane(s0, 0), k0));
    s0 = f32x4.replace_lane(s0, 1, scaled(book, f32x4.extract_lane(s0, 1), k1));
    s0 = f32x4.replace_lane(s0, 2, scaled(book, f32x4.extract_lane(s0, 2), k2));
  }
  return s0;
}

/** As `values` for one code: the same bits in less time. */
export function valueOf(book: Codebook, row: usize, k: i32): f32 {
  const dim = book.dim;
  let code = book.codes + (<usize>k * dim << 2);
  let sum = f32x4.splat(0);
  const whole = row + (<usize>(dim & ~3) << 2);
  const left = dim & 3;
  const mask = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(left));
  if (book.metric == METRIC_EUCLIDEAN) {
    while (row < whole) {
      const v = f32x4.sub(v128.load(row), v128.load(code));
      sum = f32x4.add(sum, f32x4.mul(v, v));
      row += 16;
      code += 16;
    }
    if (left != 0) {
      const v = v128.and(mask, f32x4.sub(v128.load(row), v128.load(code)));
      sum = f32x4.add(sum, f32x4.mul(v, v));
    }
    return sumOf(sum);
  }
  while (row < whole) {
    sum = f32x4.sub(sum, f32x4.mul(v128.load(row), v128.load(code)));
    row += 16;
    code += 16;
  }
  if (left != 0) {
    sum = f32x4.sub(sum, v128.and(mask, f32x4.mul(v128.load(row), v128.load(code))));
  }
  return book.metric == METRIC_COSINE ? scaled(book, sumOf(sum), k) : sumOf(sum);
}

/** The sum of the lanes, added as in `sums`. */
// @ts-ignore: decorator
@inline
function sumOf(a: v128): f32 {
  return (
    f32x4.extract_lane(a, 0) +
    f32x4.extract_lane(a, 2) +
    (f32x4.extract_lane(a, 1) + f32x4.extract_lane(a, 3))
  );
}

// @ts-ignore: decorator
@inline
function scaled(book: Codebook, sum: f32, k: i32): f32 {
  return <f32>(<f64>sum * load<f64>(book.scale + (<usize>k << 3)));
}

/** The sums of the lanes of `a`, `b` and `c` in lanes 0, 1 and 2. */
// @ts-ignore: decorator
@inline
function sums(a: v128, b: v128, c: v128): v128 {
  const zero = f32x4.splat(0);
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cz = f32x4.add(
    v128.shuffle<f32>(c, zero, 0, 4, 1, 5),
    v128.shuffle<f32>(c, zero, 2, 6, 3, 7),
  );
  return f32x4.add(v128.shuffle<f32>(ab, cz, 0, 1, 4, 5), v128.shuffle<f32>(ab, cz, 2, 3, 6, 7));
}

/** As `values` for one code, in f64 and feature by feature: decides where f32 can't tell. */
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

/**
 * The distance that the caller gets for the value of code `k`: itself, or 1 - cosine. `norm` is the
 * row's squared length.
 */
// @ts-ignore: decorator
@inline
export function distance(book: Codebook, row: usize, k: i32, value: f32, norm: f32): f32 {
  return book.metric == METRIC_COSINE ? cosineDistance(book, row, k, value, norm) : value;
}

function cosineDistance(book: Codebook, row: usize, k: i32, value: f32, norm: f32): f32 {
  const scale = load<f64>(book.scale + (<usize>k << 3));
  if (scale == 0) return 1;
  if (norm > 1e-20 && norm < 1e30 && scale > 1e-10 && scale < 1e10) {
    return <f32>(1.0 + <f64>value / sqrt(<f64>norm));
  }
  // Products in f32 may have left its range.
  let squares: f64 = 0;
  for (let d = 0; d < book.dim; ++d) {
    const v = <f64>load<f32>(row + (<usize>d << 2));
    squares += v * v;
  }
  return squares > 0 ? <f32>(1.0 + exactValue(book, row, k) / sqrt(squares)) : 1;
}

/** At least the length of a vector whose squared length came out as `square` in f32. */
// @ts-ignore: decorator
@inline
export function lengthBound(book: Codebook, square: f32): f64 {
  return sqrt(<f64>square + book.tiny) * 1.0001;
}

/** The length of the longest code as it counts in scores. */
// @ts-ignore: decorator
@inline
export function longestCode(book: Codebook): f64 {
  return book.metric == METRIC_COSINE ? 1 : book.maxNorm;
}

/** At most this far is the score of a code from its true value, for codes no longer than `norm`. */
// @ts-ignore: decorator
@inline
export function scoreError(book: Codebook, xNorm: f64, norm: f64): f64 {
  const square = book.metric == METRIC_EUCLIDEAN ? 0.5 * norm * norm : 0;
  return book.unit * (square + xNorm * norm) + book.tiny;
}
