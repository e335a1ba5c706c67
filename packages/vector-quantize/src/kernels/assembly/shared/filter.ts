/**
 * The search behind a filter in small integers: the same answer as `nearest`, in less time.
 *
 * Rows and codes are rounded to integers of 7 and 8 bits, so that a score is a sum of integers: exact
 * on every CPU, and wrong only by the rounding of its two vectors, which is bounded by the lengths
 * of what was rounded away. No code whose score lies further than that bound above the true score of
 * the best code so far can be the nearest. The few others are compared in f32, and in f64 where that
 * is not enough.
 * `docs/exact-search.md` has the proof.
 */
import { Codebook } from "./codebook";
import {
  FilterCodebook, GROUP, LEASTS, LIST, PANEL, ROW, Row, SCORES, WINDOW,
} from "./filterCodebook";
import { packFilterRows } from "./filterRows";
import { scanWindow } from "./filterScan";
import { packRows } from "./rows";
import { collect, settle, settledValue } from "./settle";
import { STATE, tileRows } from "./tiles";
import { distance } from "./values";
import { scanBlock, winner, winnerValue } from "./winner";

/** Cost of looking at a kept code, in codes that f32 scans in the same time. */
const KEPT_COST: i32 = 6;

/**
 * The nearest codes of `count` rows, at most `blockRows`: `indices` (i32) gets -1 and `distances`
 * (f32) NaN for a row that is not finite. Returns the number of such rows.
 *
 * `scratch` (16-byte aligned): see `filterScratch` in `filterCodebook.ts`. Rows may be read 12 bytes
 * past their end.
 */
export function nearestByFilter(
  book: Codebook,
  filter: FilterCodebook,
  rows: usize,
  count: i32,
  scratch: usize,
  blockRows: i32,
  indices: usize,
  distances: usize,
): i32 {
  const rowBytes = <usize>book.dim << 2;
  const states = scratch;
  const lists = states + <usize>GROUP * ROW;
  const scores = lists + <usize>GROUP * LIST;
  const leasts = scores + <usize>GROUP * SCORES;
  const packed = leasts + <usize>GROUP * LEASTS;
  const open = packed + (<usize>(GROUP * filter.steps) << 2);
  const rest = (open + (<usize>blockRows << 2) + 15) & ~15;

  let left = 0; // rows that are not settled
  let bad = 0;
  for (let first = 0; first < count; first += GROUP) {
    if (filter.hopeless != 0) {
      for (let r = first; r < count; ++r) {
        store<i32>(open + (<usize>left << 2), r);
        ++left;
      }
      break;
    }
    const group = min(GROUP, count - first);
    const block = rows + <usize>first * rowBytes;
    packFilterRows(book, filter, block, group, packed, states);
    for (let p = 0; p < filter.panels; p += WINDOW / PANEL) {
      const panels = min(WINDOW / PANEL, filter.panels - p);
      scanWindow(filter, p, panels, packed, group, scores, leasts);
      for (let r = 0; r < group; ++r) {
        const at = <usize>r;
        collect(
          book, filter, block + at * rowBytes, changetype<Row>(states + at * ROW),
          lists + at * LIST, scores + at * SCORES, leasts + at * LEASTS,
          panels >> 1, p * PANEL,
        );
      }
    }
    let cost = 0;
    for (let r = 0; r < group; ++r) {
      const state = changetype<Row>(states + <usize>r * ROW);
      const to = <usize>(first + r) << 2;
      if (isNaN(state.norm)) {
        store<i32>(indices + to, -1);
        store<f32>(distances + to, NaN);
        ++bad;
        continue;
      }
      if (state.kept < 0) {
        store<i32>(open + (<usize>left << 2), first + r);
        ++left;
        cost += book.size;
        continue;
      }
      const row = block + <usize>r * rowBytes;
      cost += KEPT_COST * state.kept;
      const k = settle(book, row, state, lists + <usize>r * LIST);
      store<i32>(indices + to, k);
      store<f32>(distances + to, distance(book, row, k, settledValue, state.norm));
    }
    if (cost > (group * book.size) >> 1) filter.hopeless = 1;
  }
  if (left > 0) bad += nearestOfOpen(book, rows, open, left, rest, indices, distances);
  return bad;
}

/** The rows that the filter did not settle, in f32. Returns the number of those not finite. */
function nearestOfOpen(
  book: Codebook,
  rows: usize,
  open: usize,
  count: i32,
  scratch: usize,
  indices: usize,
  distances: usize,
): i32 {
  const rowBytes = <usize>book.dim << 2;
  const height = tileRows(book.shape);
  const whole = <usize>((count + height - 1) / height) * height;
  const state = scratch;
  const gathered = state + whole * STATE;
  const packed = gathered + <usize>count * rowBytes + 16;
  const norms = packed + whole * rowBytes;
  for (let i = 0; i < count; ++i) {
    const row = rows + <usize>load<i32>(open + (<usize>i << 2)) * rowBytes;
    memory.copy(gathered + <usize>i * rowBytes, row, rowBytes);
  }
  packRows(gathered, count, book.dim, book.mean, height, packed, norms);
  scanBlock(book, packed, state, count);
  let bad = 0;
  for (let i = 0; i < count; ++i) {
    const to = <usize>load<i32>(open + (<usize>i << 2)) << 2;
    const norm = load<f32>(norms + (<usize>i << 2));
    if (isNaN(norm)) {
      store<i32>(indices + to, -1);
      store<f32>(distances + to, NaN);
      ++bad;
      continue;
    }
    const row = gathered + <usize>i * rowBytes;
    const k = winner(book, row, norm, state + <usize>i * STATE, packed, i);
    store<i32>(indices + to, k);
    store<f32>(distances + to, distance(book, row, k, winnerValue, norm));
  }
  return bad;
}
