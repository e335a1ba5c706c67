/**
 * The k nearest codes of each row behind the filter of `filter.ts`. The bound of a score follows from
 * the k-th least value so far in place of the least: no code above it can be among the k nearest.
 */
import { Codebook } from "./codebook";
import { collectTopK, FOUND, looked, settleTopK } from "./collectTopK";
import {
  FilterCodebook, GROUP, LEASTS, LIST, PANEL, ROW, Row, SCORES, WINDOW,
} from "./filterCodebook";
import { packFilterRows } from "./filterRows";
import { scanWindow } from "./filterScan";
import { markInvalid, nearestTopKOfBlock } from "./topK";

/** Cost of looking at a code, in codes that f32 scans in the same time. */
const LOOK_COST: i32 = 3;

/**
 * As `nearestTopKOfBlock`. `scratch` (16-byte aligned): see `topKFilterScratch` in
 * `filterCodebook.ts`.
 */
export function topKByFilter(
  book: Codebook,
  filter: FilterCodebook,
  rows: usize,
  count: i32,
  scratch: usize,
  blockRows: i32,
  indices: usize,
  distances: usize,
  k: i32,
): i32 {
  if (filter.hopeless != 0) {
    return nearestTopKOfBlock(book, rows, count, scratch, blockRows, indices, distances, k);
  }
  const rowBytes = <usize>book.dim << 2;
  const outBytes = <usize>k << 2;
  const states = scratch;
  const lists = states + <usize>GROUP * ROW;
  const scores = lists + <usize>GROUP * LIST;
  const leasts = scores + <usize>GROUP * SCORES;
  const found = leasts + <usize>GROUP * LEASTS;
  const packed = found + FOUND;
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
    const lookedBefore = looked;
    packFilterRows(book, filter, block, group, packed, states);
    const most = (group * book.size) >> 1;
    let p = 0;
    for (; p < filter.panels; p += WINDOW / PANEL) {
      if (LOOK_COST * (looked - lookedBefore) > most) break;
      const panels = min(WINDOW / PANEL, filter.panels - p);
      scanWindow(filter, p, panels, packed, group, scores, leasts);
      for (let r = 0; r < group; ++r) {
        const at = <usize>r;
        collectTopK(
          book, filter, block + at * rowBytes, changetype<Row>(states + at * ROW),
          lists + at * LIST, scores + at * SCORES, leasts + at * LEASTS,
          panels >> 1, p * PANEL, k, found,
        );
      }
    }
    if (p < filter.panels) {
      // Windows are left that would cost as much: the group is begun anew in f32.
      filter.hopeless = 1;
      first -= GROUP;
      continue;
    }
    let cost = LOOK_COST * (looked - lookedBefore);
    for (let r = 0; r < group; ++r) {
      const state = changetype<Row>(states + <usize>r * ROW);
      const to = <usize>(first + r) * outBytes;
      if (isNaN(state.norm)) {
        markInvalid(indices + to, distances + to, k);
        ++bad;
      } else if (state.kept < 0) {
        store<i32>(open + (<usize>left << 2), first + r);
        ++left;
        cost += book.size;
      } else {
        const row = block + <usize>r * rowBytes;
        const list = lists + <usize>r * LIST;
        settleTopK(book, row, state, list, k, found, indices + to, distances + to);
      }
    }
    if (cost > most) filter.hopeless = 1;
  }
  if (left > 0) bad += topKOfOpen(book, rows, open, left, rest, blockRows, indices, distances, k);
  return bad;
}

/** The rows that the filter did not settle, in f32. Returns the number of those not finite. */
function topKOfOpen(
  book: Codebook,
  rows: usize,
  open: usize,
  count: i32,
  scratch: usize,
  blockRows: i32,
  indices: usize,
  distances: usize,
  k: i32,
): i32 {
  const rowBytes = <usize>book.dim << 2;
  const outBytes = <usize>k << 2;
  const outIndices = scratch;
  const outDistances = outIndices + <usize>blockRows * outBytes;
  const gathered = outDistances + <usize>blockRows * outBytes;
  const rest = (gathered + <usize>blockRows * rowBytes + 12 + 15) & ~15;
  for (let i = 0; i < count; ++i) {
    const row = rows + <usize>load<i32>(open + (<usize>i << 2)) * rowBytes;
    memory.copy(gathered + <usize>i * rowBytes, row, rowBytes);
  }
  const bad = nearestTopKOfBlock(
    book, gathered, count, rest, blockRows, outIndices, outDistances, k,
  );
  for (let i = 0; i < count; ++i) {
    const from = <usize>i * outBytes;
    const to = <usize>load<i32>(open + (<usize>i << 2)) * outBytes;
    memory.copy(indices + to, outIndices + from, outBytes);
    memory.copy(distances + to, outDistances + from, outBytes);
  }
  return bad;
}
