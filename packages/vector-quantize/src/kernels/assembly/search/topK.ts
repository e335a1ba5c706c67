/**
 * The k nearest codes of each row of a block; `nearestTopK.ts` tells how they are made certain.
 *
 * Scores of the rows and a window of codes are written out and then picked from, because picking
 * from inside the tile would branch in the inner loop.
 */
import { Codebook, METRIC_COSINE, METRIC_EUCLIDEAN } from "./packedCodebook";
import { packRows } from "./rows";
import { scoreBlock } from "./scores";
import { panelCodes, tileRows } from "./tiles";
import { distance, exactValue, lengthBound, scoreError, values } from "./values";
import { search } from "./winner";

/** Above every score of a code that is not padding. */
const UNSEEN: f32 = 3.4e38;

/** At least this is a score only where it overflowed. */
const OVERFLOWED: f64 = 2e38;

/** Panels whose scores are written out at a time; a multiple of four. */
const WINDOW: i32 = 64;

/** Bytes between the scores of two rows: an odd number of cache lines, for the widest panel. */
const STRIDE: usize = WINDOW * 12 * 4 + 64;

/** Bytes of the scores (f32) of a row's list, and of its indices (i32) behind them: one more than asked for. */
// @ts-ignore: decorator
@inline
function listHalf(k: i32): usize {
  return (<usize>(k + 4) >> 2) << 4;
}

/** Bytes of a window's header. */
const HEADER: usize = 96;

/** Bytes for one row's exact search: values (f64) and indices (i32). */
// @ts-ignore: decorator
@inline
function workBytes(k: i32): usize {
  return listHalf(k) * 3;
}

/**
 * The `k` nearest codes of `count` rows, at most `blockRows`: `indices` (i32 [count, k]) gets -1 and
 * `distances` (f32 [count, k]) NaN for a row that is not finite. Returns the number of such rows.
 *
 * `scratch` (16-byte aligned): see `topKScratch` in `tileChoice.ts`. Rows may be read 12 bytes past
 * their end.
 */
export function nearestTopKOfBlock(
  book: Codebook,
  block: usize,
  count: i32,
  scratch: usize,
  blockRows: i32,
  indices: usize,
  distances: usize,
  k: i32,
): i32 {
  const window = changetype<Codebook>(scratch);
  const work = scratch + HEADER;
  const half = listHalf(k);
  const norms = work + workBytes(k);
  const lists = norms + (<usize>blockRows << 2);
  const scores = lists + <usize>blockRows * 2 * half;
  const packed = scores + <usize>blockRows * STRIDE;
  const rowBytes = <usize>book.dim << 2;
  const outBytes = <usize>k << 2;
  let bad = 0;
  memory.copy(changetype<usize>(window), changetype<usize>(book), offsetof<Codebook>());
  packRows(block, count, book.dim, book.mean, tileRows(book.shape), packed, norms);
  pick(book, window, packed, count, scores, lists, k + 1, half);
  for (let r = 0; r < count; ++r) {
    const norm = load<f32>(norms + (<usize>r << 2));
    const out = <usize>r * outBytes;
    if (isNaN(norm)) {
      markInvalid(indices + out, distances + out, k);
      ++bad;
      continue;
    }
    const row = block + <usize>r * rowBytes;
    const list = lists + <usize>r * 2 * half;
    rerank(book, row, norm, list, half, packed, r, k, work, indices + out, distances + out);
  }
  return bad;
}

/** The answer for a row that is not finite. */
export function markInvalid(indices: usize, distances: usize, k: i32): void {
  for (let i = 0; i < k; ++i) {
    store<i32>(indices + (<usize>i << 2), -1);
    store<f32>(distances + (<usize>i << 2), NaN);
  }
}

/** Fills the list of each row with the `want` codes of least score. */
function pick(
  book: Codebook,
  window: Codebook,
  packed: usize,
  count: i32,
  scores: usize,
  lists: usize,
  want: i32,
  half: usize,
): void {
  for (let r = 0; r < count; ++r) {
    const list = lists + <usize>r * 2 * half;
    for (let i = 0; i < want; ++i) store<f32>(list + (<usize>i << 2), UNSEEN);
  }
  const width = panelCodes(book.shape);
  for (let p = 0; p < book.panels; p += WINDOW) {
    // Storage goes on to a multiple of four panels, so scores come in whole groups of 16.
    window.panels = min(WINDOW, ((book.panels + 3) & ~3) - p);
    window.packed = book.packed + (<usize>p * width * book.dim << 2);
    const bias = book.bias + (<usize>p * width << 2);
    scoreBlock(window, bias, packed, count, scores, STRIDE);
    const bytes = <usize>window.panels * width << 2;
    for (let r = 0; r < count; ++r) {
      const line = scores + <usize>r * STRIDE;
      pickRow(line, bytes, p * width, lists + <usize>r * 2 * half, want, half);
    }
  }
}

/** Takes the scores from `line` on, those of code `first` and following, into a row's list. */
function pickRow(
  line: usize,
  bytes: usize,
  first: i32,
  list: usize,
  want: i32,
  half: usize,
): void {
  const worst = list + (<usize>(want - 1) << 2);
  let limit = v128.load32_splat(worst);
  for (let at: usize = 0; at < bytes; at += 64) {
    const s = line + at;
    const a = v128.load(s);
    const b = v128.load(s, 16);
    const c = v128.load(s, 32);
    const d = v128.load(s, 48);
    const least = f32x4.pmin(f32x4.pmin(a, b), f32x4.pmin(c, d));
    if (!v128.any_true(f32x4.lt(least, limit))) continue;
    let hits =
      i32x4.bitmask(f32x4.lt(a, limit)) |
      (i32x4.bitmask(f32x4.lt(b, limit)) << 4) |
      (i32x4.bitmask(f32x4.lt(c, limit)) << 8) |
      (i32x4.bitmask(f32x4.lt(d, limit)) << 12);
    for (; hits != 0; hits &= hits - 1) {
      const i = ctz(hits);
      insert(list, want, half, load<f32>(s + (<usize>i << 2)), first + <i32>(at >> 2) + i);
    }
    limit = v128.load32_splat(worst);
  }
}

/** Puts a score into the ascending list, if it is below the last one. */
// @ts-ignore: decorator
@inline
function insert(list: usize, want: i32, half: usize, score: f32, index: i32): void {
  const last = list + (<usize>(want - 1) << 2);
  if (!(score < load<f32>(last))) return;
  if (want > MANY) {
    insertFar(list, last, half, score, index);
    return;
  }
  let at = last;
  for (; at > list && score < load<f32>(at - 4); at -= 4) {
    store<f32>(at, load<f32>(at - 4));
    store<i32>(at + half, load<i32>(at - 4 + half));
  }
  store<f32>(at, score);
  store<i32>(at + half, index);
}

/** Longer lists are halved for the place, and moved as a whole. */
const MANY: i32 = 48;

function insertFar(list: usize, last: usize, half: usize, score: f32, index: i32): void {
  let low = list;
  let high = last;
  while (low < high) {
    const middle = low + (((high - low) >> 3) << 2);
    if (score < load<f32>(middle)) high = middle;
    else low = middle + 4;
  }
  memory.copy(low + 4, low, last - low);
  memory.copy(low + half + 4, low + half, last - low);
  store<f32>(low, score);
  store<i32>(low + half, index);
}

/** Brings the k nearest codes of a row from its list, in their true order. */
function rerank(
  book: Codebook,
  row: usize,
  norm: f32,
  list: usize,
  half: usize,
  packed: usize,
  r: i32,
  k: i32,
  work: usize,
  indices: usize,
  distances: usize,
): void {
  const score = <f64>load<f32>(list + (<usize>(k - 1) << 2));
  const next = <f64>load<f32>(list + (<usize>k << 2));
  if (score < OVERFLOWED) {
    const euclidean = book.metric == METRIC_EUCLIDEAN;
    const farthest = valuesOf(book, row, list + half, k, distances);
    const xNorm = lengthBound(book, norm);
    let codeNorm = book.maxNorm;
    if (euclidean) codeNorm = min(codeNorm, xNorm + lengthBound(book, farthest));
    const error = 2 * scoreError(book, xNorm, codeNorm);
    if (next > score + error) {
      const share = euclidean ? 2 * book.unit : 0;
      const margin = euclidean ? book.tiny : error;
      sort(book, row, list + half, k, share, margin, indices, distances);
    } else {
      search(book, row, score + error, packed, r, k, work);
      memory.copy(indices, work + (<usize>k << 3), <usize>k << 2);
      valuesOf(book, row, indices, k, distances);
    }
  } else {
    search(book, row, Infinity, packed, r, k, work);
    memory.copy(indices, work + (<usize>k << 3), <usize>k << 2);
    valuesOf(book, row, indices, k, distances);
  }
  toDistances(book, row, norm, k, indices, distances);
}

/** Makes the values of a row's codes the distances that the caller gets. */
export function toDistances(
  book: Codebook,
  row: usize,
  norm: f32,
  k: i32,
  indices: usize,
  distances: usize,
): void {
  if (book.metric != METRIC_COSINE) return;
  for (let i: usize = 0; i < <usize>k; ++i) {
    const at = distances + (i << 2);
    store<f32>(at, distance(book, row, load<i32>(indices + (i << 2)), load<f32>(at), norm));
  }
}

/** The f32 values of `k` codes, in the same order, to `out`; returns the largest. */
function valuesOf(book: Codebook, row: usize, codes: usize, k: i32, out: usize): f32 {
  let largest = f32x4.splat(0);
  for (let i = 0; i < k; i += 3) {
    const at = <usize>i << 2;
    const k0 = load<i32>(codes + at);
    const k1 = i + 1 < k ? load<i32>(codes + at, 4) : k0;
    const k2 = i + 2 < k ? load<i32>(codes + at, 8) : k0;
    const v = values(book, row, k0, k1, k2);
    store<f32>(out + at, f32x4.extract_lane(v, 0));
    if (i + 1 < k) store<f32>(out + at, f32x4.extract_lane(v, 1), 4);
    if (i + 2 < k) store<f32>(out + at, f32x4.extract_lane(v, 2), 8);
    largest = f32x4.pmax(largest, v);
  }
  return max(
    f32x4.extract_lane(largest, 0),
    max(f32x4.extract_lane(largest, 1), f32x4.extract_lane(largest, 2)),
  );
}

/**
 * Sorts `k` codes with the f32 values in `distances` into `indices` and `distances`. Values that
 * differ by no more than `share` of the larger one and `margin` are compared in f64.
 */
export function sort(
  book: Codebook,
  row: usize,
  codes: usize,
  k: i32,
  share: f64,
  margin: f64,
  indices: usize,
  distances: usize,
): void {
  for (let i = 0; i < k; ++i) {
    const code = load<i32>(codes + (<usize>i << 2));
    const value = load<f32>(distances + (<usize>i << 2));
    let at = <usize>i << 2;
    for (; at > 0; at -= 4) {
      const other = load<f32>(distances + at - 4);
      const otherCode = load<i32>(indices + at - 4);
      const gap = <f64>other - <f64>value;
      const unsure = share * <f64>max(other, value) + margin;
      if (gap < -unsure) break;
      if (!(gap > unsure)) {
        const a = exactValue(book, row, code);
        const b = exactValue(book, row, otherCode);
        if (a > b || (a == b && code > otherCode)) break;
      }
      store<f32>(distances + at, other);
      store<i32>(indices + at, otherCode);
    }
    store<f32>(distances + at, value);
    store<i32>(indices + at, code);
  }
}
