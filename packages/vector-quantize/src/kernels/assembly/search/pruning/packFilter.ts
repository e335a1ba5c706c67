/** Brings a packed codebook into the filter's integers. */
import { Codebook } from "../packedCodebook";
import {
  DIGIT, FilterCodebook, OFFSET, PANEL, VALUES,
} from "./filterCodebook";
import { codeAt, panelCodes } from "../tiles";

/**
 * Panels `begin` to `end`: the largest number of their codes, and the largest squared length in each
 * segment. `scratch` is not used. Returns 0.
 */
export function measureFilter(
  begin: i32,
  end: i32,
  scratch: usize,
  book: Codebook,
  filter: FilterCodebook,
): i32 {
  const segment = filter.segmentSteps * VALUES;
  const words = filter.segments + 1;
  for (let p = begin; p < end; ++p) {
    const to = filter.measures + (<usize>(p * words) << 2);
    memory.fill(to, 0, <usize>words << 2);
    let largest: f32 = 0;
    for (let k = p * PANEL; k < min(p * PANEL + PANEL, book.size); ++k) {
      let from = codeAt(book, k);
      const step = <usize>panelCodes(book.shape) << 2;
      for (let first = 0, s = 1; first < book.dim; first += segment, ++s) {
        let squares: f64 = 0;
        for (let d = first; d < min(first + segment, book.dim); ++d) {
          const v = load<f32>(from);
          largest = max(largest, abs(v));
          squares += <f64>v * <f64>v;
          from += step;
        }
        const at = to + (<usize>s << 2);
        store<f32>(at, max(load<f32>(at), <f32>(squares * 1.000001)));
      }
    }
    store<f32>(to, largest);
  }
  return 0;
}

/** Panels `begin` to `end` of integers. `scratch` is not used. Returns 0. */
export function packFilter(
  begin: i32,
  end: i32,
  scratch: usize,
  book: Codebook,
  filter: FilterCodebook,
): i32 {
  const bytes = <usize>(filter.steps * PANEL) << 1; // VALUES * sizeof is 2
  const starts = <usize>(filter.segments * PANEL) << 1;
  for (let p = begin; p < end; ++p) {
    const to = filter.packed + <usize>p * bytes;
    memory.fill(to, 0, bytes);
    let rest: f64 = 0;
    for (let i = 0; i < PANEL; ++i) {
      const k = min(p * PANEL + i, book.size - 1);
      rest = max(rest, packCode(book, filter, k, to, i));
    }
    store<f32>(filter.rests + (<usize>p << 2), <f32>(sqrt(rest) * 1.000001));
    packStarts(filter, to, filter.starts + <usize>p * starts);
  }
  return 0;
}

/** Writes one code to its column; returns the squared length of what rounding took off. */
function packCode(book: Codebook, filter: FilterCodebook, k: i32, to: usize, i: i32): f64 {
  const dim = book.dim;
  const step = <usize>panelCodes(book.shape) << 2;
  let from = codeAt(book, k);
  let squares: f64 = 0;
  let length: f64 = 0;
  for (let d = 0; d < dim; ++d) {
    const v = <f64>load<f32>(from) * filter.scale;
    const rounded = nearest(v);
    length += rounded * rounded;
    squares += (v - rounded) * (v - rounded);
    put(to, d, i, -<i32>rounded);
    from += step;
  }
  if (filter.digit > 0) {
    const bias = <f64>load<f32>(book.bias + (<usize>k << 2)) - filter.bias;
    const first = max(-DIGIT, min(DIGIT, nearest(bias / filter.digit)));
    const second = nearest((bias - first * filter.digit) * 8 / filter.digit);
    for (let c = 0; c < filter.copies; ++c) put(to, dim + c, i, <i32>first);
    put(to, dim + filter.copies, i, <i32>second);
  }
  if (filter.lengthDigit > 0) {
    put(to, dim + filter.copies + 1, i, <i32>ceil(sqrt(length) * 1.000001 / filter.lengthDigit));
  }
  return squares;
}

/** Makes good for what `OFFSET` adds to a row's numbers. */
function packStarts(filter: FilterCodebook, panel: usize, starts: usize): void {
  const steps = filter.steps;
  for (let s = 0; s < filter.segments; ++s) {
    const first = s * filter.segmentSteps * VALUES;
    const last = min((s + 1) * filter.segmentSteps, steps) * VALUES;
    for (let i = 0; i < PANEL; ++i) {
      let sum = 0;
      for (let f = first; f < last; ++f) sum += get(panel, f, i);
      store<i16>(starts + (<usize>(s * PANEL + i) << 1), <i16>(-OFFSET * sum));
    }
  }
}

// @ts-ignore: decorator
@inline
function put(panel: usize, feature: i32, i: i32, value: i32): void {
  if (VALUES == 2) store<i8>(panel + place(feature, i), <i8>value);
  else store<i16>(panel + place(feature, i), <i16>value);
}

// @ts-ignore: decorator
@inline
function get(panel: usize, feature: i32, i: i32): i32 {
  return VALUES == 2
    ? <i32>load<i8>(panel + place(feature, i))
    : <i32>load<i16>(panel + place(feature, i));
}

// @ts-ignore: decorator
@inline
function place(feature: i32, i: i32): usize {
  return VALUES == 2
    ? <usize>(((feature >> 1) * PANEL + i) * 2 + (feature & 1))
    : <usize>(feature * PANEL + i) << 1;
}
