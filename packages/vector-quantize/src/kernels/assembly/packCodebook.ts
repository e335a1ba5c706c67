/** Brings a codebook into the layout that the search kernels read. */
import { Codebook, METRIC_COSINE, METRIC_EUCLIDEAN } from "./shared/codebook";
import { isFiniteRow } from "./shared/rows";
import { panelCodes } from "./shared/tiles";

/** Bias of the places past the last code: never the least score. */
const PADDING: f32 = 3e38;

/** Means of the features `begin` to `end` over all codes. Returns 0. */
export function codebookMean(begin: i32, end: i32, scratch: usize, book: Codebook): i32 {
  const stride = <usize>book.dim << 2;
  for (let d = begin; d < end; ++d) {
    let sum: f64 = 0;
    let code = book.codes + (<usize>d << 2);
    for (let k = 0; k < book.size; ++k) {
      sum += <f64>load<f32>(code);
      code += stride;
    }
    store<f32>(book.mean + (<usize>d << 2), <f32>(sum / <f64>book.size));
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
    for (let d = 0; d < dim; ++d) {
      const at = <usize>d << 2;
      const v = load<f32>(code + at) - load<f32>(book.mean + at);
      squares += <f64>v * <f64>v;
      store<f32>(out + <usize>d * stride, v);
    }
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
