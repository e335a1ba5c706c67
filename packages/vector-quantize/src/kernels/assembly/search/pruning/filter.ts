/**
 * The search behind a filter in small integers: the same answer as in f32 alone, in less time.
 *
 * Rows and codes are rounded to integers of 7 and 8 bits, so that a score is a sum of integers: exact
 * on every CPU, and wrong only by the rounding of its two vectors, which is bounded by the lengths
 * of what was rounded away. No code whose score lies further than that bound above the true score of
 * the best code so far can be the nearest. The few others are compared in f32, and in f64 where that
 * is not enough.
 *
 * Rows pass up to four stages: projections in integers, projections in f32, whole vectors in integers,
 * and these in f32. Each takes the rows that the one before left open. `docs/exact-search.md` has the
 * proofs.
 */
import { Codebook } from "../packedCodebook";
import {
  Filter, FilterCodebook, GROUP, LEASTS, LIST, PANEL, PrincipalSubspace, ROW, Row, SCORES, WINDOW,
} from "./filterCodebook";
import { packFilterRow } from "./filterRows";
import { scanWindow } from "./filterScan";
import { packProjected, packProjectedIntegers, projectRows } from "./principalSubspace";
import { scanProjections } from "./subspaceScan";

/** What a row may cost in the integers of projections, unless there are very many codes. */
const ROUGH_COST: i32 = 64;

/** Rows whose cost tells whether a stage pays. */
const LEAST_JUDGED: i64 = 4 * GROUP;

/** Rows that are not finite, in the search under way. */
let invalid: i32 = 0;

/**
 * Searches the `left` rows of the list `open` (i32), of `count` rows in all, at most `blockRows`.
 * Returns the number of those not finite.
 *
 * What is searched for is `task`'s, a class of these methods (i is a row's number):
 *   - `begin()`: a group of rows begins;
 *   - `collect(...)`: looks at the scores of a row and a window of codes, `r` its place in the group;
 *   - `cost()`: of that since `begin`, in codes that f32 scans in the same time;
 *   - `price(book, state, list)`: what re-ranking a row will cost;
 *   - `rerank(book, row, state, list, i)`: answers;
 *   - `refuse(i)`: answers a row that is not finite;
 *   - `inFloats(...)`: answers rows one after another in f32;
 *   - `wanted()`: how many codes an answer has; `indices` and `distances` get the answers.
 *
 * `scratch` (16-byte aligned): see `filterScratch` in `filterCodebook.ts`. Rows may be read 12 bytes
 * past their end.
 */
export function searchByFilter<T>(
  task: T,
  book: Codebook,
  filter: FilterCodebook,
  rows: usize,
  open: usize,
  left: i32,
  count: i32,
  scratch: usize,
  blockRows: i32,
): i32 {
  invalid = 0;
  const coarse = filter.coarse;
  if (coarse != null) {
    left = answerRows<T>(task, book, coarse.integers, rows, open, left, scratch);
    left = answerRows<T>(task, book, coarse, rows, open, left, scratch);
  }
  left = answerRows<T>(task, book, filter, rows, open, left, scratch);
  if (left > 0) invalid += searchOpen<T>(task, book, rows, open, left, count, scratch, blockRows);
  return invalid;
}

/** Answers the `left` rows of the list `open` in f32. Returns the number of those not finite. */
function searchOpen<T>(
  task: T,
  book: Codebook,
  rows: usize,
  open: usize,
  left: i32,
  count: i32,
  scratch: usize,
  blockRows: i32,
): i32 {
  if (left == count) {
    return task.inFloats(book, rows, count, scratch, blockRows, task.indices, task.distances);
  }
  const rowBytes = <usize>book.dim << 2;
  const outBytes = <usize>task.wanted() << 2;
  const indices = scratch;
  const distances = indices + <usize>blockRows * outBytes;
  const gathered = distances + <usize>blockRows * outBytes;
  const rest = (gathered + <usize>blockRows * rowBytes + 12 + 15) & ~15;
  gatherRows(rows, rowBytes, open, left, gathered);
  const bad = task.inFloats(book, gathered, left, rest, blockRows, indices, distances);
  for (let i = 0; i < left; ++i) {
    const from = <usize>i * outBytes;
    const to = <usize>load<i32>(open + (<usize>i << 2)) * outBytes;
    memory.copy(task.indices + to, indices + from, outBytes);
    memory.copy(task.distances + to, distances + from, outBytes);
  }
  return bad;
}

/** Lists all of `count` rows in `open` (i32); returns how many. */
export function listRows(open: usize, count: i32): i32 {
  for (let r = 0; r < count; ++r) store<i32>(open + (<usize>r << 2), r);
  return count;
}

/** Takes rows off the list `open` (i32) that the filter answers; returns how many stay. */
function answerRows<T>(
  task: T,
  book: Codebook,
  filter: Filter,
  rows: usize,
  open: usize,
  count: i32,
  scratch: usize,
): i32 {
  const rowBytes = <usize>book.dim << 2;
  const states = scratch;
  const lists = states + <usize>GROUP * ROW;
  const scores = lists + <usize>GROUP * LIST;
  const leasts = scores + <usize>GROUP * SCORES;
  const packed = leasts + <usize>GROUP * LEASTS;
  const subspace = filter.subspace;
  const inFloats = changetype<usize>(filter) == changetype<usize>(subspace);
  // What a row costs in the next stage, and at which cost of a row this stage does not pay.
  let price = book.size;
  let worth = book.size >> 1;
  if (inFloats) {
    price = book.size >> 1;
    worth = book.size >> 2;
  } else if (subspace != null) {
    price = book.size >> 3;
    worth = min(book.size >> 3, max(ROUGH_COST, book.size >> 4));
  }
  const width = inFloats
    ? changetype<PrincipalSubspace>(filter).codes.dim
    : changetype<FilterCodebook>(filter).steps;
  const norms = packed + <usize>(GROUP * width) * 4;
  const projected = norms + GROUP * 4;
  const projectedBytes =
    subspace == null ? 0 : <usize>(GROUP * subspace.axes.size) * 4 + 16;
  const rest = projected + projectedBytes;

  let left = 0;
  for (let first = 0; first < count; first += GROUP) {
    const line = open + (<usize>first << 2);
    if (filter.hopeless != 0) {
      memory.copy(open + (<usize>left << 2), line, <usize>(count - first) << 2);
      return left + count - first;
    }
    const group = min(GROUP, count - first);
    // Single groups may cost much, so some are waited for.
    const judged = max(filter.rows + group, LEAST_JUDGED);
    const most = <i32>min(<i64>i32.MAX_VALUE, judged * worth - filter.spent);
    if (subspace != null) {
      const block = inOneBlock(rows, rowBytes, line, group, rest);
      const work = rest + <usize>GROUP * rowBytes + 16;
      projectRows(book, subspace, block, group, norms, projected, work);
      if (inFloats) packProjected(subspace, projected, norms, group, packed, states, work);
      else packProjectedIntegers(subspace, projected, norms, group, packed, states);
    } else {
      for (let r = 0; r < group; ++r) {
        const row = rows + <usize>load<i32>(line + (<usize>r << 2)) * rowBytes;
        const state = changetype<Row>(states + <usize>r * ROW);
        packFilterRow(book, changetype<FilterCodebook>(filter), row, packed, r, state);
      }
    }
    task.begin();
    let p = 0;
    for (; p < filter.panels && task.cost() <= most; p += WINDOW / PANEL) {
      const panels = min(WINDOW / PANEL, filter.panels - p);
      if (inFloats) {
        const floats = changetype<PrincipalSubspace>(filter);
        scanProjections(floats, p, panels, packed, group, states, scores, leasts);
      } else {
        const integers = changetype<FilterCodebook>(filter);
        scanWindow(integers, p, panels, packed, group, scores, leasts);
      }
      for (let r = 0; r < group; ++r) {
        const at = <usize>r;
        const state = changetype<Row>(states + at * ROW);
        if (state.kept < 0) continue;
        task.collect(
          book, filter, rows + <usize>load<i32>(line + (at << 2)) * rowBytes, state,
          lists + at * LIST, scores + at * SCORES, leasts + at * LEASTS, panels >> 1, p * PANEL, r,
        );
      }
    }
    let cost = task.cost();
    for (let r = 0; r < group; ++r) {
      const state = changetype<Row>(states + <usize>r * ROW);
      if (isNaN(state.norm)) continue;
      cost += isOpen(state) ? price : task.price(book, state, lists + <usize>r * LIST);
    }
    if (p < filter.panels || cost > most) {
      // The group is begun anew in the next stage.
      filter.hopeless = 1;
      first -= GROUP;
      continue;
    }
    filter.rows += group;
    filter.spent += cost;
    for (let r = 0; r < group; ++r) {
      const i = load<i32>(line + (<usize>r << 2));
      const state = changetype<Row>(states + <usize>r * ROW);
      if (isNaN(state.norm)) {
        task.refuse(i);
        ++invalid;
      } else if (isOpen(state)) {
        store<i32>(open + (<usize>left << 2), i);
        ++left;
      } else task.rerank(book, rows + <usize>i * rowBytes, state, lists + <usize>r * LIST, i);
    }
  }
  return left;
}

/** Whether the list of a row may lack its nearest code. */
// @ts-ignore: decorator
@inline
function isOpen(state: Row): bool {
  return state.kept < 0 || state.bound > state.cap;
}

/** The rows of a list, which rises, one after another: copied to `to` unless they lie so. */
function inOneBlock(
  rows: usize,
  rowBytes: usize,
  list: usize,
  count: i32,
  to: usize,
): usize {
  const first = load<i32>(list);
  if (load<i32>(list + (<usize>(count - 1) << 2)) - first == count - 1) {
    return rows + <usize>first * rowBytes;
  }
  gatherRows(rows, rowBytes, list, count, to);
  return to;
}

/** Copies the rows of a list to `to`, one after another. */
function gatherRows(
  rows: usize,
  rowBytes: usize,
  list: usize,
  count: i32,
  to: usize,
): void {
  for (let i = 0; i < count; ++i) {
    const row = rows + <usize>load<i32>(list + (<usize>i << 2)) * rowBytes;
    memory.copy(to + <usize>i * rowBytes, row, rowBytes);
  }
}
