/** Brings a codebook into the layout that the search kernels read. */
import { Codebook, METRIC_COSINE, METRIC_EUCLIDEAN } from "./packedCodebook";
import { isFiniteRow } from "./rows";
import { panelCodes } from "./tiles";

/** Bias of the places past the last code: never the least score. */
const PADDING: f32 = 3e38;

/** The mean is a shift that keeps numbers small: a sample of this many codes is enough for it. */
const SAMPLE: i32 = 256;

/** Means of the features `begin` to `end` over evenly spaced codes. Returns 0. */
export function codebookMean(begin: i32, end: i32, scratch: usize, book: Codebook): i32 {
  const count = min(SAMPLE, book.size);
  for (let d = begin; d < end; ++d) {
    let sum: f64 = 0;
    for (let i = 0; i < count; ++i) {
      const k = <i32>((<i64>i * book.size) / count);
      sum += <f64>load<f32>(book.codes + (<usize>(k * book.dim + d) << 2));
    }
    store<f32>(book.mean + (<usize>d << 2), <f32>(sum / <f64>count));
  }
  return 0;
}

/**
 * Packs panels `begin` to `end`; those past the last code are padding. Returns the number of codes
 * that hold NaN or an infinity.
 */
export function packCodebook(begin: i32, end: i32, scratch: usize, book: Codebook): i32 {
  const dim = book.dim;
  const width = panelCodes(book.shape);
  let bad = 0;
  for (let p = begin; p < end; ++p) {
    const panel = book.packed + (<usize>p * width * dim << 2);
    for (let i = 0; i < width; ++i) {
      const k = p * width + i;
      const bias = book.bias + (<usize>k << 2);
      if (k < book.size) {
        const code = book.codes + (<usize>k * dim << 2);
        store<f32>(bias, packCode(book, code, k, panel + (<usize>i << 2), <usize>width << 2));
        if (!isFiniteRow(code, dim)) ++bad;
      } else {
        store<f32>(bias, PADDING);
        for (let d = 0; d < dim; ++d) store<f32>(panel + (<usize>(d * width + i) << 2), 0);
      }
    }
  }
  return bad;
}

/** Writes one code to its column of the panel and returns its bias. */
function packCode(book: Codebook, code: usize, k: i32, out: usize, stride: usize): f32 {
  const dim = book.dim;
  let squares: f64 = 0;
  if (book.metric == METRIC_EUCLIDEAN) {
    let low = f64x2.splat(0);
    let high = low;
    let d = 0;
    for (; d < (dim & ~3); d += 4) {
      const at = <usize>d << 2;
      const v = f32x4.sub(v128.load(code + at), v128.load(book.mean + at));
      const a = f64x2.promote_low_f32x4(v);
      const b = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3));
      low = f64x2.add(low, f64x2.mul(a, a));
      high = f64x2.add(high, f64x2.mul(b, b));
      v128.store_lane<f32>(out, v, 0);
      v128.store_lane<f32>(out + stride, v, 1);
      v128.store_lane<f32>(out + 2 * stride, v, 2);
      v128.store_lane<f32>(out + 3 * stride, v, 3);
      out += 4 * stride;
    }
    for (; d < dim; ++d) {
      const at = <usize>d << 2;
      const v = load<f32>(code + at) - load<f32>(book.mean + at);
      squares += <f64>v * <f64>v;
      store<f32>(out, v);
      out += stride;
    }
    low = f64x2.add(low, high);
    squares += f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1);
    return <f32>(0.5 * squares);
  }
  let scale: f64 = 1;
  if (book.metric == METRIC_COSINE) {
    for (let d = 0; d < dim; ++d) {
      const v = <f64>load<f32>(code + (<usize>d << 2));
      squares += v * v;
    }
    scale = squares > 0 ? 1 / sqrt(squares) : 0;
    store<f64>(book.scale + (<usize>k << 3), scale);
  }
  for (let d = 0; d < dim; ++d) {
    store<f32>(out + <usize>d * stride, <f32>(<f64>load<f32>(code + (<usize>d << 2)) * scale));
  }
  return 0;
}
