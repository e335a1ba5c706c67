/** Which codes the filter leaves to a row, and which of them are the k nearest. */
import { Codebook, METRIC_EUCLIDEAN } from "./packedCodebook";
import { Filter, KEPT, LIST, PANEL, Row, WINDOW } from "./pruning/filterCodebook";
import { codesBelow, nearLimit, pairsBelow, scoreBound } from "./pruning/rerank";
import { sort, toDistances } from "./topK";
import { lengthBound, values } from "./values";

/** Bytes of the scores, and of the least scores, of two panels. */
const PAIR: usize = 4 * PANEL;
const PAIR_LEASTS: usize = 32;

/** Bytes from a list's indices to its values, and from found codes to their scores. */
const VALUES_OF: usize = KEPT * 4;
const SCORES_OF: usize = WINDOW * 4;

/** Bytes for the codes that one row finds in a window, and later for its answer in order. */
export const FOUND: usize = 2 * SCORES_OF;

/** How many codes have been looked at in f32. */
export let looked: i32 = 0;

/**
 * Takes the codes of a window that may be among the `k` nearest into the row's list, by rising
 * `values`. `pairs` counts pairs of panels, `first` is the index of the window's first code, `found`
 * has `FOUND` bytes.
 */
export function collectTopK(
  book: Codebook,
  filter: Filter,
  row: usize,
  state: Row,
  list: usize,
  scores: usize,
  leasts: usize,
  pairs: i32,
  first: i32,
  k: i32,
  found: usize,
): void {
  if (state.kept < 0) return;
  let above = -32769; // scores up to here have been looked at
  if (state.kept < k) {
    above = nearLimit(leasts, min(pairs, (book.size - first) / (2 * PANEL)), k);
    const count = find(scores, leasts, pairs, first, book.size, -32769, above, found);
    look(book, filter, row, state, list, found, count, k);
  }
  if (state.kept < 0 || state.bound <= above) return;
  const count = find(scores, leasts, pairs, first, book.size, above, state.bound, found);
  look(book, filter, row, state, list, found, count, k);
}

/** Codes with a score above `above` and not above `limit`, to `found`; returns how many. */
function find(
  scores: usize,
  leasts: usize,
  pairs: i32,
  first: i32,
  size: i32,
  above: i32,
  limit: i32,
  found: usize,
): i32 {
  const most = i16x8.splat(<i16>limit);
  const least = i16x8.splat(<i16>max(-32768, above));
  const all = above < -32768;
  let to = found;
  for (let open = pairsBelow(leasts, pairs, most); open != 0; open &= open - 1) {
    const pair = ctz(open);
    const line = scores + <usize>pair * PAIR;
    const base = first + pair * (2 * PANEL);
    let hits = codesBelow(line, most);
    if (!all) hits &= ~codesBelow(line, least);
    // The last panel is filled up with copies of the last code.
    if (base + 2 * PANEL > size) hits &= ~((<u64>-1) << (size - base));
    for (; hits != 0; hits &= hits - 1) {
      const i = <i32>ctz(hits);
      store<i32>(to, base + i);
      store<i32>(to, <i32>load<i16>(line + (<usize>i << 1)), SCORES_OF);
      to += 4;
    }
  }
  return <i32>((to - found) >> 2);
}

/** Takes those of `count` found codes that are near enough into the list. */
function look(
  book: Codebook,
  filter: Filter,
  row: usize,
  state: Row,
  list: usize,
  found: usize,
  count: i32,
  k: i32,
): void {
  const end = found + (<usize>count << 2);
  let farthest = farthestOf(state, list, k);
  for (let at = found; at < end; ) {
    // The next three whose scores the bound allows; it falls on the way.
    let waiting = 0;
    let k0 = 0;
    let k1 = 0;
    let k2 = 0;
    for (; at < end && waiting < 3; at += 4) {
      if (load<i32>(at, SCORES_OF) > state.bound) continue;
      k0 = k1;
      k1 = k2;
      k2 = load<i32>(at);
      ++waiting;
    }
    if (waiting == 0) return;
    looked += waiting;
    const v = values(book, row, k0, k1, k2);
    insert(book, state, list, k2, f32x4.extract_lane(v, 2), k);
    if (waiting > 1) insert(book, state, list, k1, f32x4.extract_lane(v, 1), k);
    if (waiting > 2) insert(book, state, list, k0, f32x4.extract_lane(v, 0), k);
    if (state.kept < 0) return;
    const last = farthestOf(state, list, k);
    if (last < farthest) {
      farthest = last;
      state.bound = min(state.bound, scoreBound(book, filter, state, last));
    }
  }
}

/** Value of the k-th code of a list, Infinity if there are fewer. */
// @ts-ignore: decorator
@inline
function farthestOf(state: Row, list: usize, k: i32): f32 {
  return state.kept < k ? Infinity : load<f32>(list + (<usize>(k - 1) << 2), VALUES_OF);
}

/**
 * Puts a code into the list by its value, unless k others are certainly nearer, and drops those
 * behind the k-th that are certainly farther.
 */
function insert(book: Codebook, state: Row, list: usize, code: i32, value: f32, k: i32): void {
  let kept = state.kept;
  if (kept < 0) return;
  if (kept >= k) {
    const last = load<f32>(list + (<usize>(k - 1) << 2), VALUES_OF);
    if (value >= last && isFarther(book, state, value, last)) return;
    if (kept == KEPT) {
      state.kept = -1;
      return;
    }
  }
  let to = list + (<usize>kept << 2);
  for (; to > list && value < load<f32>(to - 4, VALUES_OF); to -= 4) {
    store<f32>(to, load<f32>(to - 4, VALUES_OF), VALUES_OF);
    store<i32>(to, load<i32>(to - 4));
  }
  store<f32>(to, value, VALUES_OF);
  store<i32>(to, code);
  ++kept;
  if (kept > k) {
    const last = load<f32>(list + (<usize>(k - 1) << 2), VALUES_OF);
    for (; kept > k; --kept) {
      const other = load<f32>(list + (<usize>(kept - 1) << 2), VALUES_OF);
      if (!isFarther(book, state, other, last)) break;
    }
  }
  state.kept = kept;
}

/** Whether a code of value `a` is farther than one of value `b`, whatever the rounding. */
// @ts-ignore: decorator
@inline
function isFarther(book: Codebook, state: Row, a: f32, b: f32): bool {
  return <f64>a - <f64>b > shareOf(book) * <f64>a + marginOf(book, state);
}

/** Values that differ by no more than this part of the larger one, and `marginOf`, are not sure. */
// @ts-ignore: decorator
@inline
function shareOf(book: Codebook): f64 {
  return book.metric == METRIC_EUCLIDEAN ? 2 * book.unit : 0;
}

// @ts-ignore: decorator
@inline
function marginOf(book: Codebook, state: Row): f64 {
  if (book.metric == METRIC_EUCLIDEAN) return book.tiny;
  return 2 * (book.unit * lengthBound(book, state.norm) * book.maxNorm + book.tiny);
}

/** The `k` nearest of the codes in the row's list, in their true order. `work` has `FOUND` bytes. */
export function rerankTopK(
  book: Codebook,
  row: usize,
  state: Row,
  list: usize,
  k: i32,
  work: usize,
  indices: usize,
  distances: usize,
): void {
  const kept = state.kept;
  const inOrder = work + LIST;
  memory.copy(inOrder, list + VALUES_OF, <usize>kept << 2);
  sort(book, row, list, kept, shareOf(book), marginOf(book, state), work, inOrder);
  memory.copy(indices, work, <usize>k << 2);
  memory.copy(distances, inOrder, <usize>k << 2);
  toDistances(book, row, state.norm, k, indices, distances);
}
