/** Re-ranking: which codes the filter leaves to a row, and which of them is the nearest. */
import { Codebook, METRIC_EUCLIDEAN } from "../packedCodebook";
import { Filter, KEPT, PANEL, Row, WINDOW } from "./filterCodebook";
import { projectedDistance } from "./principalSubspace";
import { exactValue, lengthBound, valueOf, values } from "../values";
import { horizontalMin } from "../winner";

/** Above every value of a code. */
const UNSEEN: f32 = 3.4e38;
/** Bytes of the scores, and of the least scores, of two panels. */
const PAIR: usize = 4 * PANEL;
const PAIR_LEASTS: usize = 32;

/** The winner's `values` entry, as of the last call of `rerank`. */
export let rerankedValue: f32 = 0;

/**
 * Takes the codes of a window that may be the nearest into the row's list. `pairs` counts pairs
 * of panels, `first` is the index of the window's first code.
 */
export function collect(
  book: Codebook,
  filter: Filter,
  row: usize,
  state: Row,
  list: usize,
  scores: usize,
  leasts: usize,
  pairs: i32,
  first: i32,
): void {
  let least = v128.load(leasts);
  const end = leasts + <usize>pairs * PAIR_LEASTS;
  for (let at = leasts; at < end; at += PAIR_LEASTS) {
    least = i16x8.min_s(least, i16x8.min_s(v128.load(at), v128.load(at, 16)));
  }
  const found = leastLane(least);
  if (found < state.least) {
    state.least = found;
    if (state.margin >= 0) state.bound = min(32767, found + state.margin);
    else {
      const limit = i16x8.splat(<i16>found);
      const pair = ctz(pairsBelow(leasts, pairs, limit));
      const place = <i32>ctz(codesBelow(scores + <usize>pair * PAIR, limit));
      lead(book, filter, row, state, min(first + pair * (2 * PANEL) + place, book.size - 1));
    }
  }
  if (found > min(state.bound, state.cap)) return;
  if (take(state, list, scores, leasts, pairs, first)) return;
  state.kept = prune(list, state.kept, min(state.bound, state.cap));
  if (take(state, list, scores, leasts, pairs, first)) return;
  // Too many. The nearest few may do, if a later leader rules the others out.
  const few = <i32>(<i64>KEPT * WINDOW / (2 * book.size));
  state.cap = min(state.cap, nearLimit(leasts, pairs, max(1, few)));
  state.kept = prune(list, state.kept, min(state.bound, state.cap));
  if (!take(state, list, scores, leasts, pairs, first)) state.kept = -1;
}

/** Takes the codes within bound and cap into the list; false, and none is taken, if it gets full. */
function take(
  state: Row,
  list: usize,
  scores: usize,
  leasts: usize,
  pairs: i32,
  first: i32,
): bool {
  const limit = i16x8.splat(<i16>min(state.bound, state.cap));
  let kept = state.kept;
  for (let open = pairsBelow(leasts, pairs, limit); open != 0; open &= open - 1) {
    const pair = ctz(open);
    const line = scores + <usize>pair * PAIR;
    const base = first + pair * (2 * PANEL);
    let hits = codesBelow(line, limit);
    if (kept + <i32>popcnt(hits) > KEPT) return false;
    do {
      const i = <i32>ctz(hits);
      const to = list + (<usize>kept << 2);
      store<i32>(to, base + i);
      store<i32>(to, <i32>load<i16>(line + (<usize>i << 1)), KEPT * 4);
      ++kept;
      hits &= hits - 1;
    } while (hits != 0);
  }
  state.kept = kept;
  return true;
}

/**
 * A score that at least `k` codes do not exceed, and not many more: by bisection over the least
 * scores of each lane, of which every one is another code's.
 */
export function nearLimit(leasts: usize, pairs: i32, k: i32): i32 {
  let low = -32768;
  let high = 32767;
  if (pairs * 16 < k) return high;
  const end = leasts + <usize>pairs * PAIR_LEASTS;
  while (low < high) {
    const middle = (low + high) >> 1;
    const limit = i16x8.splat(<i16>middle);
    let counts = i16x8.splat(0);
    for (let at = leasts; at < end; at += PAIR_LEASTS) {
      counts = i16x8.add(counts, i16x8.le_s(v128.load(at), limit));
      counts = i16x8.add(counts, i16x8.le_s(v128.load(at, 16), limit));
    }
    const sums = i32x4.extadd_pairwise_i16x8_s(counts);
    const count = -(
      i32x4.extract_lane(sums, 0) +
      i32x4.extract_lane(sums, 1) +
      i32x4.extract_lane(sums, 2) +
      i32x4.extract_lane(sums, 3)
    );
    if (count < k) low = middle + 1;
    else {
      high = middle;
      if (count <= k + (k >> 2)) break;
    }
  }
  return high;
}

/** Bits of the pairs of panels that have a score not above the limit. */
// @ts-ignore: decorator
@inline
export function pairsBelow(leasts: usize, pairs: i32, limit: v128): u32 {
  let bits: u32 = 0;
  for (let p = 0; p < pairs; ++p) {
    const least = i16x8.min_s(v128.load(leasts), v128.load(leasts, 16));
    bits |= <u32>v128.any_true(i16x8.le_s(least, limit)) << p;
    leasts += PAIR_LEASTS;
  }
  return bits;
}

/** Bits of the codes of a pair of panels whose scores are not above the limit. */
// @ts-ignore: decorator
@inline
export function codesBelow(scores: usize, limit: v128): u64 {
  return (
    <u64>sixteenBelow(scores, limit) |
    (<u64>sixteenBelow(scores + 32, limit) << 16) |
    (<u64>sixteenBelow(scores + 64, limit) << 32) |
    (<u64>sixteenBelow(scores + 96, limit) << 48)
  );
}

// @ts-ignore: decorator
@inline
function sixteenBelow(scores: usize, limit: v128): u32 {
  const a = i16x8.le_s(v128.load(scores), limit);
  const b = i16x8.le_s(v128.load(scores, 16), limit);
  return <u32>i8x16.bitmask(i8x16.narrow_i16x8_s(a, b));
}

// @ts-ignore: decorator
@inline
function leastLane(v: v128): i32 {
  v = i16x8.min_s(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1));
  v = i16x8.min_s(v, v128.shuffle<i32>(v, v, 1, 0, 3, 2));
  return min(<i32>i16x8.extract_lane_s(v, 0), <i32>i16x8.extract_lane_s(v, 1));
}

/**
 * Takes the code of least score for the leader. Its value tells its score without the error of
 * rounding, so only the other codes' errors count in the bound.
 */
function lead(book: Codebook, filter: Filter, row: usize, state: Row, k: i32): void {
  const value = valueOf(book, row, k);
  state.leader = k;
  state.value = value;
  state.bound = min(state.bound, scoreBound(book, filter, state, value));
}

/** No code that is at least as near as one of this `values` entry has an integer score above it. */
// @ts-ignore: decorator
@inline
export function scoreBound(book: Codebook, filter: Filter, state: Row, value: f32): i32 {
  const seen = <f64>state.seen;
  let score = <f64>value;
  let error: f64;
  const subspace = filter.subspace;
  if (subspace != null || book.metric == METRIC_EUCLIDEAN) {
    if (subspace != null) score = projectedDistance(book, subspace, state, score);
    error = book.unit * (score + seen) + book.tiny;
    score = 0.5 * (score - seen);
  } else error = book.unit * lengthBound(book, state.norm) * book.maxNorm + book.tiny;
  const most = state.scale * (score - filter.bias + error) + state.error;
  const units = most / <f64>(1 << filter.shift) + <f64>filter.segments + 1;
  return <i32>max(-32768.0, min(32767.0, units));
}

/** Drops the codes of a list whose scores are above `bound`; returns how many stay. */
function prune(list: usize, count: i32, bound: i32): i32 {
  let kept = 0;
  for (let i = 0; i < count; ++i) {
    const from = list + (<usize>i << 2);
    const to = list + (<usize>kept << 2);
    const score = load<i32>(from, KEPT * 4);
    store<i32>(to, load<i32>(from));
    store<i32>(to, score, KEPT * 4);
    kept += <i32>(score <= bound);
  }
  return kept;
}

/** Drops codes that a later bound rules out, and places past the last code. */
export function sift(book: Codebook, state: Row, list: usize): void {
  let kept = state.kept;
  if (book.size > WINDOW) kept = prune(list, kept, state.bound);
  // The last panel is filled up with copies of the last code, which comes before them.
  while (kept > 1 && load<i32>(list + (<usize>(kept - 1) << 2)) >= book.size) --kept;
  state.kept = kept;
}

/**
 * The nearest of the codes in the row's sifted list, the lowest index on ties. Values of f32 decide
 * where their bound allows it, f64 decides among those closer together.
 */
export function rerank(book: Codebook, row: usize, state: Row, list: usize): i32 {
  const kept = state.kept;
  if (kept == 1 && state.margin < 0) {
    rerankedValue = state.value;
    return state.leader;
  }

  const found = list + KEPT * 4; // in place of the scores
  const last = kept - 1;
  let least = f32x4.splat(UNSEEN);
  let next = least;
  let places = i32x4.splat(0);
  for (let i = 0; i < kept; i += 3) {
    const at = list + (<usize>i << 2);
    const k1 = load<i32>(list + (<usize>min(i + 1, last) << 2));
    const k2 = load<i32>(list + (<usize>min(i + 2, last) << 2));
    const inside = i32x4.gt_s(i32x4.splat(kept - i), i32x4(0, 1, 2, 127));
    const v = v128.bitselect(values(book, row, load<i32>(at), k1, k2), f32x4.splat(UNSEEN), inside);
    v128.store(found + (<usize>i << 2), v);
    places = v128.bitselect(i32x4.splat(i), places, f32x4.lt(v, least));
    next = f32x4.pmin(next, f32x4.pmax(v, least));
    least = f32x4.pmin(least, v);
  }
  const best = horizontalMin(least);
  const isBest = f32x4.eq(least, best);
  const bits = i32x4.bitmask(isBest);
  const lane = ctz(bits) & 3;
  const second = <f64>f32x4.extract_lane(horizontalMin(v128.bitselect(next, least, isBest)), 0);
  const value = <f64>f32x4.extract_lane(best, 0);
  rerankedValue = <f32>value;

  const euclidean = book.metric == METRIC_EUCLIDEAN;
  const share = euclidean ? 2 * book.unit : 0;
  const margin = euclidean
    ? book.tiny
    : 2 * (book.unit * lengthBound(book, state.norm) * book.maxNorm + book.tiny);
  if (<i32>(second - value > share * second + margin) & <i32>((bits & (bits - 1)) == 0)) {
    v128.store(found, places);
    const place = load<i32>(found + (<usize>lane << 2)) + lane;
    return load<i32>(list + (<usize>place << 2));
  }
  return rerankExactly(book, row, list, kept, value, share, margin);
}

/** As `rerank`, among the codes whose values are too close to `least` to tell. */
function rerankExactly(
  book: Codebook,
  row: usize,
  list: usize,
  kept: i32,
  least: f64,
  share: f64,
  margin: f64,
): i32 {
  let winner = -1;
  let nearest: f64 = Infinity;
  for (let i = 0; i < kept; ++i) {
    const at = list + (<usize>i << 2);
    const value = <f64>load<f32>(at, KEPT * 4);
    if (value - least > share * value + margin) continue;
    const k = load<i32>(at);
    const exact = exactValue(book, row, k);
    if (exact < nearest) {
      nearest = exact;
      winner = k;
      rerankedValue = <f32>value;
    }
  }
  return winner;
}
