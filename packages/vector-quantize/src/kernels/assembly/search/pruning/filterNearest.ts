/** The search for the nearest code behind the filter of `filter.ts`. */
import { nearestOfBlock } from "../block";
import { boxedNorm, nearestInTree, visited } from "./kdTree";
import { searchLattice } from "./lattice";
import { Codebook } from "../packedCodebook";
import { listRows, searchByFilter } from "./filter";
import { KdTree, Filter, FilterCodebook, Row } from "./filterCodebook";
import { collect, rerank, rerankedValue, sift } from "./rerank";
import { distance, valueOf } from "../values";

/** Share of the leaves beyond which visiting them takes longer than the stages that follow. */
const MOST_VISITED: f32 = 0.15;

/** Cost of looking at a kept code, in codes that f32 scans in the same time. */
const KEPT_COST: i32 = 6;

/** A search for the nearest code; `filter.ts` tells of its methods. */
@unmanaged
class NearestTask {
  indices: usize;
  distances: usize;

  begin(): void {}

  cost(): i32 {
    return 0;
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
    collect(book, filter, row, state, list, scores, leasts, pairs, first);
  }

  price(book: Codebook, state: Row, list: usize): i32 {
    sift(book, state, list);
    return KEPT_COST * state.kept;
  }

  rerank(book: Codebook, row: usize, state: Row, list: usize, i: i32): void {
    const k = rerank(book, row, state, list);
    this.answer(i, k, distance(book, row, k, rerankedValue, state.norm));
  }

  refuse(i: i32): void {
    this.answer(i, -1, NaN);
  }

  answer(i: i32, k: i32, distance: f32): void {
    store<i32>(this.indices + (<usize>i << 2), k);
    store<f32>(this.distances + (<usize>i << 2), distance);
  }

  wanted(): i32 {
    return 1;
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
    return nearestOfBlock(book, rows, count, scratch, blockRows, indices, distances);
  }
}

/** As `answerByTree`, of all rows, where codes lie on a lattice. */
function answerOnLattice(
  task: NearestTask,
  book: Codebook,
  tree: KdTree,
  rows: usize,
  open: usize,
  count: i32,
  scratch: usize,
): i32 {
  const lattice = tree.lattice;
  if (lattice == null || lattice.hopeless != 0) return count;
  searchLattice(book, tree, lattice, rows, count, open, scratch); // the list tells of all rows for now
  let left = 0;
  for (let i = 0; i < count; ++i) {
    const k = load<i32>(open + (<usize>i << 2));
    if (k < 0) {
      store<i32>(open + (<usize>left << 2), i);
      ++left;
    } else {
      task.answer(i, k, valueOf(book, rows + (<usize>(i * book.dim) << 2), k));
    }
  }
  return left;
}

/** Takes rows off the list `open` (i32) of `count` whose nearest code boxes find; returns how many stay. */
function answerByTree(
  task: NearestTask,
  book: Codebook,
  tree: KdTree,
  rows: usize,
  open: usize,
  count: i32,
  scratch: usize,
): i32 {
  if (tree.hopeless != 0) return count;
  const before = visited;
  let left = 0;
  for (let j = 0; j < count; ++j) {
    const i = load<i32>(open + (<usize>j << 2));
    const row = rows + (<usize>(i * book.dim) << 2);
    const k = nearestInTree(book, tree, row, scratch);
    if (k < 0) {
      store<i32>(open + (<usize>left << 2), i);
      ++left;
    } else {
      const value = valueOf(book, row, k);
      task.answer(i, k, distance(book, row, k, value, boxedNorm));
    }
  }
  const most = MOST_VISITED * <f32>count * <f32>tree.leaves;
  if (<f32>(visited - before) > most) tree.hopeless = 1;
  return left;
}

/** As `nearestOfBlock`, behind the filter. `scratch`: see `filterScratch` in `filterCodebook.ts`. */
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
  const task = changetype<NearestTask>(scratch);
  task.indices = indices;
  task.distances = distances;
  const open = scratch + 16;
  const rest = (open + (<usize>blockRows << 2) + 15) & ~15;
  let left = listRows(open, count);
  const tree = filter.tree;
  if (tree != null) {
    left = answerOnLattice(task, book, tree, rows, open, count, rest);
    left = answerByTree(task, book, tree, rows, open, left, rest);
  }
  if (left == 0) return 0;
  return searchByFilter<NearestTask>(task, book, filter, rows, open, left, count, rest, blockRows);
}
