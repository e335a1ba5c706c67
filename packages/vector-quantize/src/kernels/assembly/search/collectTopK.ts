/** Which codes the filter leaves to a row, and which of them are the k nearest. */
import { Codebook, METRIC_EUCLIDEAN } from "./packedCodebook";
import { Filter, KEPT, LIST, PANEL, Row, WINDOW } from "./pruning/filterCodebook";
import { codesBelow, nearLimit, pairsBelow, scoreBound } from "./pruning/rerank";
import { sort, toDistances } from "./topK";
import { lengthBound, values } from "./values";

/** Bytes of the scores, and of the least scores, of two panels. */
const PAIR: usize = 4 * PANEL;
const PAIR_LEASTS: usize = 32;

/** Codes that may wait before the best of them are looked at, whatever a window adds. */
const MOST_WAITING: i32 = 1024;

/** Bytes from a list's indices to its values, and from the indices of waiting codes to their scores (i16). */
const VALUES_OF: usize = KEPT * 4;
const SCORES_OF: usize = <usize>(MOST_WAITING + WINDOW) * 4;

/** Bytes for the codes of a row that wait, which are room for its answer in order, too. */
export const WAITING: usize = SCORES_OF + <usize>(MOST_WAITING + WINDOW) * 2 + 32;

/** How many codes have been looked at in f32. */
export let looked: i32 = 0;

/**
 * Takes the codes of a window that may be among the `k` nearest. They wait in `waiting` (`WAITING`
 * bytes) until they are many, or this is the last window. Then those of the least scores go to the
 * row's list, by rising `values`: the bound that follows from these lets most of the others go.
 * `pairs` counts pairs of panels, `first` is the index of the window's first code.
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
  waiting: usize,
): void {
  if (state.kept < 0) return;
  let above = -32769; // scores up to here have been looked at
  if (state.kept < k) {
    above = nearLimit(leasts, min(pairs, (book.size - first) / (2 * PANEL)), k);
    find(state, scores, leasts, pairs, first, book.size, -32769, above, waiting);
    look(book, filter, row, state, list, waiting, WINDOW, k);
  }
  find(state, scores, leasts, pairs, first, book.size, above, state.bound, waiting);
  let most = first + pairs * (2 * PANEL) < book.size ? MOST_WAITING : 0;
  // The bound falls fastest at first: look after 1, 2, 4, 8, ... windows.
  if ((first & (first - 1)) == 0) most = min(most, max(0, state.waiting - 1));
  for (let want = k + (k >> 1); state.waiting > most && state.kept >= 0; want <<= 2) {
    look(book, filter, row, state, list, waiting, want, k);
  }
}

/** Makes codes wait whose score is above `above` and not above `limit`. */
function find(
  state: Row,
  scores: usize,
  leasts: usize,
  pairs: i32,
  first: i32,
  size: i32,
  above: i32,
  limit: i32,
  waiting: usize,
): void {
  if (limit <= above) return;
  const most = i16x8.splat(<i16>limit);
  const least = i16x8.splat(<i16>max(-32768, above));
  const all = above < -32768;
  let count = state.waiting;
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
      store<i32>(waiting + (<usize>count << 2), base + i);
      store<i16>(waiting + (<usize>count << 1), load<i16>(line + (<usize>i << 1)), SCORES_OF);
      ++count;
    }
  }
  state.waiting = count;
}

/** Takes some `want` of the waiting codes, those of the least scores, and lets go what the bound rules out. */
function look(
  book: Codebook,
  filter: Filter,
  row: usize,
  state: Row,
  list: usize,
  waiting: usize,
  want: i32,
  k: i32,
): void {
  const count = state.waiting;
  const scores = waiting + SCORES_OF;
  let limit = 32767; // of a few codes, all
  if (count > want << 3) {
    const past = scores + (<usize>count << 1);
    v128.store(past, i16x8.splat(32767));
    v128.store(past, i16x8.splat(32767), 16);
    limit = nearLimit(scores, (count + 15) >> 4, want);
  }
  for (let i = 0; i < count; ) {
    // The next three that the bound allows; it falls on the way.
    let some = 0;
    let k0 = 0;
    let k1 = 0;
    let k2 = 0;
    for (; i < count && some < 3; ++i) {
      if (<i32>load<i16>(scores + (<usize>i << 1)) > min(limit, state.bound)) continue;
      k0 = k1;
      k1 = k2;
      k2 = load<i32>(waiting + (<usize>i << 2));
      ++some;
    }
    if (some == 0) break;
    looked += some;
    const farthest = farthestOf(state, list, k);
    const v = values(book, row, k0, k1, k2);
    insert(book, state, list, k2, f32x4.extract_lane(v, 2), k);
    if (some > 1) insert(book, state, list, k1, f32x4.extract_lane(v, 1), k);
    if (some > 2) insert(book, state, list, k0, f32x4.extract_lane(v, 0), k);
    if (state.kept < 0) return;
    const last = farthestOf(state, list, k);
    if (last < farthest) state.bound = min(state.bound, scoreBound(book, filter, state, last));
  }
  let left = 0;
  for (let i = 0; i < count; ++i) {
    const score = load<i16>(scores + (<usize>i << 1));
    store<i32>(waiting + (<usize>left << 2), load<i32>(waiting + (<usize>i << 2)));
    store<i16>(scores + (<usize>left << 1), score);
    left += <i32>(<i32>score > limit) & <i32>(<i32>score <= state.bound);
  }
  state.waiting = left;
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

/** The `k` nearest of the codes in the row's list, in their true order. `work` has `WAITING` bytes. */
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
