/** Which of the codes that the filter left is the nearest. */
import { Codebook, METRIC_EUCLIDEAN } from "./codebook";
import { FilterCodebook, KEPT, Row } from "./filterCodebook";
import { prune } from "./filterScan";
import { exactValue, lengthBound, values } from "./values";

/** The winner's `values` entry, as of the last call of `settle`. */
export let settledValue: f32 = 0;

/**
 * The nearest of the codes in the row's list, the lowest index on ties. Values of f32 decide where
 * their bound allows it, f64 decides among those closer together.
 */
export function settle(
  book: Codebook,
  filter: FilterCodebook,
  row: usize,
  state: Row,
  list: usize,
): i32 {
  prune(state, list, state.least + state.width);
  if (state.kept > 3) prune(state, list, boundFromLeast(book, filter, row, state, list));
  // The last panel is filled up with copies of the last code, which comes before them.
  let kept = state.kept;
  while (kept > 1 && load<i32>(list + (<usize>(kept - 1) << 2)) >= book.size) --kept;
  const found = list + KEPT * 4; // in place of the scores
  let best = f32.MAX_VALUE;
  let next = f32.MAX_VALUE;
  let winner = load<i32>(list);
  for (let i = 0; i < kept; i += 3) {
    const at = <usize>i << 2;
    const k0 = load<i32>(list + at);
    const k1 = i + 1 < kept ? load<i32>(list + at, 4) : k0;
    const k2 = i + 2 < kept ? load<i32>(list + at, 8) : k0;
    const v = values(book, row, k0, k1, k2);
    for (let j = 0; j < min(3, kept - i); ++j) {
      const value = j == 0 ? f32x4.extract_lane(v, 0) : j == 1 ? f32x4.extract_lane(v, 1) : f32x4.extract_lane(v, 2);
      store<f32>(found + at + (<usize>j << 2), value);
      if (value < best) {
        next = best;
        best = value;
        winner = load<i32>(list + at + (<usize>j << 2));
      } else next = min(next, value);
    }
  }
  settledValue = best;
  if (kept == 1) return winner;
  const euclidean = book.metric == METRIC_EUCLIDEAN;
  const share = euclidean ? 2 * book.unit : 0;
  const margin = euclidean
    ? book.tiny
    : 2 * (book.unit * lengthBound(book, state.norm) * book.maxNorm + book.tiny);
  if (<f64>next - <f64>best > share * <f64>next + margin) return winner;

  let least: f64 = Infinity;
  for (let i = 0; i < kept; ++i) {
    const at = <usize>i << 2;
    const value = <f64>load<f32>(found + at);
    if (value - <f64>best > share * value + margin) continue;
    const k = load<i32>(list + at);
    const exact = exactValue(book, row, k);
    if (exact < least) {
      least = exact;
      winner = k;
      settledValue = <f32>value;
    }
  }
  return winner;
}

/**
 * The largest score that the nearest code may have, from the value of the code with the least score:
 * that one's score is known without its error of rounding, so only the other's counts.
 */
function boundFromLeast(
  book: Codebook,
  filter: FilterCodebook,
  row: usize,
  state: Row,
  list: usize,
): i32 {
  let at = list;
  while (load<i32>(at, KEPT * 4) != state.least) at += 4;
  const k = min(load<i32>(at), book.size - 1);
  const value = <f64>f32x4.extract_lane(values(book, row, k, k, k), 0);
  const norm = <f64>state.norm;
  let score = value;
  let error = book.unit * lengthBound(book, state.norm) * book.maxNorm + book.tiny;
  if (book.metric == METRIC_EUCLIDEAN) {
    score = 0.5 * (value - norm);
    error = book.unit * (value + norm) + book.tiny;
  }
  const bound = state.scale * (score - filter.bias + error) + state.error;
  const units = bound / <f64>(1 << filter.shift) + <f64>filter.segments + 1;
  return <i32>min(units, <f64>(state.least + state.width));
}
