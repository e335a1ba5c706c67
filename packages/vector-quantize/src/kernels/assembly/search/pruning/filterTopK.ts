/**
 * The search for the k nearest codes behind the filter of `filter.ts`. The bound of a score follows
 * from the k-th least value so far in place of the least: no code above it can be among the k nearest.
 */
import { Codebook } from "../packedCodebook";
import { collectTopK, looked, rerankTopK, WAITING } from "../collectTopK";
import { listRows, searchByFilter } from "./filter";
import { Filter, FilterCodebook, GROUP, Row, WINDOW } from "./filterCodebook";
import { markInvalid, nearestTopKOfBlock } from "../topK";

/** Cost of looking at a code, in codes that f32 scans in the same time. */
const LOOK_COST: i32 = 3;

/** Bytes of a `TopKTask`. */
const TASK: usize = 32;

/** A search for the k nearest codes; `filter.ts` tells of its methods. */
@unmanaged
class TopKTask {
  indices: usize;
  distances: usize;
  k: i32;
  /** `WAITING` bytes for each row of a group. */
  waiting: usize;
  lookedBefore: i32;

  begin(): void {
    this.lookedBefore = looked;
  }

  cost(): i32 {
    return LOOK_COST * (looked - this.lookedBefore);
  }

  collect(
    book: Codebook,
    filter: Filter,
    row: usize,
    state: Row,
    list: usize,
    scores: usize,
    leasts: usize,
    pairs: i32,
    first: i32,
    r: i32,
  ): void {
    // None waits beyond the only window: then all rows take the same place, which stays in the cache.
    const waiting = this.waiting + (book.size > WINDOW ? <usize>r * WAITING : 0);
    collectTopK(
      book, filter, row, state, list, scores, leasts, pairs, first, this.k, waiting,
    );
  }

  price(book: Codebook, state: Row, list: usize): i32 {
    return 0;
  }

  rerank(book: Codebook, row: usize, state: Row, list: usize, i: i32): void {
    const to = <usize>(i * this.k) << 2;
    rerankTopK(
      book, row, state, list, this.k, this.waiting, this.indices + to, this.distances + to,
    );
  }

  refuse(i: i32): void {
    const to = <usize>(i * this.k) << 2;
    markInvalid(this.indices + to, this.distances + to, this.k);
  }

  wanted(): i32 {
    return this.k;
  }

  inFloats(
    book: Codebook,
    rows: usize,
    count: i32,
    scratch: usize,
    blockRows: i32,
    indices: usize,
    distances: usize,
  ): i32 {
    return nearestTopKOfBlock(
      book, rows, count, scratch, blockRows, indices, distances, this.k,
    );
  }
}

/** As `nearestTopKOfBlock`. `scratch`: see `topKFilterScratch` in `filterCodebook.ts`. */
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
  const task = changetype<TopKTask>(scratch);
  task.indices = indices;
  task.distances = distances;
  task.k = k;
  task.waiting = scratch + TASK;
  const open = scratch + TASK + GROUP * WAITING;
  const rest = (open + (<usize>blockRows << 2) + 15) & ~15;
  listRows(open, count);
  return searchByFilter<TopKTask>(task, book, filter, rows, open, count, count, rest, blockRows);
}
