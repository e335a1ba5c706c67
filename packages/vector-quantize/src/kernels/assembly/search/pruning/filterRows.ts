/**
 * Brings rows into the filter's integers.
 *
 * A row, less the mean, is multiplied by the largest scale that keeps
 *   - every number within `MOST_OF_ROW`, what one feature may hold;
 *   - every segment's sum within 16 bits: |x_s| |c_s| + bias <= ROOM, by Cauchy and Schwarz;
 *   - the weight of the bias' digits within what its features may hold.
 */
import { Codebook, METRIC_EUCLIDEAN } from "../packedCodebook";
import {
  DIGIT, DIGIT2, FilterCodebook, HEIGHT, MOST_OF_LENGTH, MOST_OF_ROW, OFFSET, ROW, Row, VALUES,
} from "./filterCodebook";
import { isFiniteRow } from "../rows";
import { lengthBound } from "../values";

/** 1.5 * 2^23: adding it rounds a float to an integer, in its low bits. */
const ROUNDER: f32 = 12582912;
/** The weight of the bias' first digit is rounded down to an integer from here on, else rounded. */
const WHOLE: f64 = 8;

/** Row `r` of a group to its place in tiles [tile][steps][HEIGHT][2 / VALUES][VALUES], and its `Row`. */
export function packFilterRow(
  book: Codebook,
  filter: FilterCodebook,
  row: usize,
  tiles: usize,
  r: i32,
  state: Row,
): void {
  const dim = book.dim;
  const to =
    tiles + <usize>(r / HEIGHT * filter.steps * HEIGHT << 2) + (<usize>(r % HEIGHT) << 2);
  const squares = squaredLength(row, book.mean, dim);
  const largest = <f64>lastLargest;
  state.begin();
  state.norm = squares < f32.MAX_VALUE || isFiniteRow(row, dim) ? squares : NaN;
  state.seen = state.norm;
  if (!(squares > 1e-30 && squares < 1e30)) {
    state.kept = -1;
    packNumbers(row, book.mean, dim, 0, to);
    return;
  }
  const length = lengthBound(book, squares);
  const weight = filter.weight; // of the first digit, for a row of scale 1
  let scale = 1 / max(largest * (1.000001 / MOST_OF_ROW), slowest(book, filter, row, length));
  scale = min(scale, MOST_OF_ROW * filter.copies * filter.unit);
  let first = scale * weight;
  if (first >= WHOLE) {
    first = floor(first);
    scale = first * filter.unit;
  }
  scale = <f64><f32>scale;
  const exactFirst = scale * weight;
  first = nearest(first);
  const second = nearest(exactFirst * 0.125);
  const lost =
    abs(exactFirst - first) * DIGIT +
    abs(exactFirst * 0.125 - second) * DIGIT2 +
    exactFirst * 0.0625; // half of the second digit's value

  const rest = sqrt(<f64>packNumbers(row, book.mean, dim, <f32>scale, to));
  packDigits(filter, dim, <i32>first, <i32>second, to);

  const rowLength = scale * length;
  const rowRest = rest * 1.001 + rowLength * 1.2e-7;
  const half = book.metric == METRIC_EUCLIDEAN ? 0.5 * book.maxNorm * book.maxNorm : 0;
  const floats = 1e-6 * scale * filter.scale * (half + length * book.maxNorm);
  const error = rowLength * filter.rest + lost + floats;
  state.scale = scale * filter.scale;
  if (filter.lengthDigit == 0) {
    state.error = error + rowRest * filter.length;
    state.margin = <i32>min(32767.0, 2 * state.error);
    return;
  }
  // The rounding of the row counts with the length of each code: its digit takes that off its score.
  const digit = min(MOST_OF_LENGTH, ceil(rowRest * filter.lengthDigit));
  put(to, dim + filter.copies + 1, -<i32>digit);
  state.error = error + max(0.0, rowRest - digit / filter.lengthDigit) * filter.length;
}

/** 1 / the largest scale of a row that 16 bits allow; `length` is that of the row. */
// @ts-ignore: decorator
@inline
function slowest(book: Codebook, filter: FilterCodebook, row: usize, length: f64): f64 {
  const rooms = filter.rooms;
  if (filter.segments == 1) return length * load<f64>(rooms) + load<f64>(rooms, 8);
  return slowestSegment(book, filter, row);
}

function slowestSegment(book: Codebook, filter: FilterCodebook, row: usize): f64 {
  const dim = book.dim;
  const segment = filter.segmentSteps * VALUES;
  let pace: f64 = 0;
  let room = filter.rooms;
  for (let first = 0; first < dim; first += segment) {
    const count = min(segment, dim - first);
    const at = <usize>first << 2;
    const length = lengthBound(book, squaredLength(row + at, book.mean + at, count));
    pace = max(pace, length * load<f64>(room) + load<f64>(room, 8));
    room += 16;
  }
  // The digits of the bias may lie in a segment of their own.
  if (room < filter.rooms + (<usize>filter.segments << 4)) pace = max(pace, load<f64>(room, 8));
  return pace;
}

/** The largest number of a row, less its mean, as of the last call of `squaredLength`. */
let lastLargest: f32 = 0;

/** Squared length of `count` numbers of a row, less the mean; summed in the order of `packRows`. */
export function squaredLength(row: usize, mean: usize, count: i32): f32 {
  let squares = f32x4.splat(0);
  let largest = squares;
  const whole = row + (<usize>(count & ~3) << 2);
  while (row < whole) {
    const v = f32x4.sub(v128.load(row), v128.load(mean));
    largest = f32x4.pmax(largest, f32x4.abs(v));
    squares = f32x4.add(squares, f32x4.mul(v, v));
    row += 16;
    mean += 16;
  }
  let tail: f32 = 0;
  let most: f32 = 0;
  for (let left = count & 3; left > 0; --left) {
    const v = load<f32>(row) - load<f32>(mean);
    most = max(most, abs(v));
    tail += v * v;
    row += 4;
    mean += 4;
  }
  const low = max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1));
  const high = max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3));
  lastLargest = max(most, max(low, high));
  return (
    f32x4.extract_lane(squares, 0) +
    f32x4.extract_lane(squares, 1) +
    (f32x4.extract_lane(squares, 2) + f32x4.extract_lane(squares, 3)) +
    tail
  );
}

// @ts-ignore: decorator
@inline
function tailMask(left: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(left));
}

/** Writes a row's integers; returns the squared length of what rounding took off. */
function packNumbers(row: usize, mean: usize, dim: i32, scale: f32, to: usize): f32 {
  const scales = f32x4.splat(scale);
  const rounder = f32x4.splat(ROUNDER + <f32>OFFSET);
  let rests = f32x4.splat(0);
  for (let left = dim; left > 0; left -= 4) {
    let v = f32x4.mul(f32x4.sub(v128.load(row), v128.load(mean)), scales);
    if (left < 4) v = v128.and(tailMask(left), v);
    const rounded = f32x4.add(v, rounder);
    const rest = f32x4.sub(v, f32x4.sub(rounded, rounder));
    rests = f32x4.add(rests, f32x4.mul(rest, rest));
    putFour(rounded, to);
    row += 16;
    mean += 16;
    to += (4 / VALUES) * HEIGHT * 4;
  }
  return (
    f32x4.extract_lane(rests, 0) +
    f32x4.extract_lane(rests, 1) +
    (f32x4.extract_lane(rests, 2) + f32x4.extract_lane(rests, 3))
  );
}

/** Four features, each step's values twice. */
// @ts-ignore: decorator
@inline
function putFour(v: v128, to: usize): void {
  if (VALUES == 2) {
    const pairs = v128.shuffle<i8>(v, v, 0, 4, 0, 4, 8, 12, 8, 12, 0, 4, 0, 4, 8, 12, 8, 12);
    v128.store_lane<i32>(to, pairs, 0);
    v128.store_lane<i32>(to, pairs, 1, 4 * HEIGHT);
  } else {
    const twice = v128.shuffle<i16>(v, v, 0, 0, 2, 2, 4, 4, 6, 6);
    v128.store_lane<i32>(to, twice, 0);
    v128.store_lane<i32>(to, twice, 1, 4 * HEIGHT);
    v128.store_lane<i32>(to, twice, 2, 8 * HEIGHT);
    v128.store_lane<i32>(to, twice, 3, 12 * HEIGHT);
  }
}

/** The weights of the bias' digits, after the features. */
function packDigits(filter: FilterCodebook, dim: i32, first: i32, second: i32, to: usize): void {
  const copies = filter.copies;
  for (let i = 0; i < copies; ++i) {
    const share = first / (copies - i);
    put(to, dim + i, share);
    first -= share;
  }
  put(to, dim + copies, second);
  for (let f = dim + copies + 1; f < filter.steps * VALUES; ++f) put(to, f, 0);
}

// @ts-ignore: decorator
@inline
function put(to: usize, feature: i32, value: i32): void {
  if (VALUES == 2) {
    to += <usize>(feature >> 1) * (4 * HEIGHT) + <usize>(feature & 1);
    store<i8>(to, <i8>(value + OFFSET));
    store<i8>(to, <i8>(value + OFFSET), 2);
  } else {
    to += <usize>feature * (4 * HEIGHT);
    store<i16>(to, <i16>value);
    store<i16>(to, <i16>value, 2);
  }
}
