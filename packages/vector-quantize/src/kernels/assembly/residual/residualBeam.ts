/**
 * Residual quantization with a beam: after each layer the `beam` best sequences of codes of a row
 * are kept, and the best of the last layer is its answer.
 *
 * A sequence is ranked by its score: `carry * score before + weight[q] * |r - c|^2`, least first;
 * of equal scores the earlier sequence wins, then the lower index. Scores come from the squared
 * distance in f32 by separate multiply and add, so every engine ranks alike; the scan, whose rounding
 * differs between engines, only proposes candidates, with a margin for its rounding errors.
 *
 * With tables of products between the codes of two layers, a layer's scores follow from the row's
 * own products by additions, `x . c - sum of c_i . c`, and the scan is done once for all sequences.
 */
import { choose } from "./beamChoice";
import { bookOf, placeSearch, scoreStride, Search, Sequences } from "./beamMemory";
import { advance, fits, squaredLength, start } from "./beamSequences";
import { addProducts } from "./codeProducts";
import { Codebook } from "../search/packedCodebook";
import { squaredDistance } from "../search/distance";
import { packRows, refuseRows } from "../search/rows";
import { scoreBlock } from "../search/scores";
import { tileRows } from "../search/tiles";
import { scoreError } from "../search/values";

export { residualBeamBytes } from "./beamMemory";
export { codeProducts } from "./codeProducts";

/**
 * Rows `begin` to `end` of `rows` (f32 [N, D]). `books` (u32 [Q]) holds the addresses of the packed
 * codebooks, `weights` (f64 [Q]) the weights, above 0. `tables` is 0, or (u32 [Q, Q]) the addresses
 * of the products of codes of layers i < q at [i, q], from `codeProducts`. `indices` (i32 [N, Q])
 * gets -1 for a row that is not finite, above the limit of the first codebook, or of a squared length
 * above 1e37.
 *
 * `scratch` (16-byte aligned): see `residualBeamBytes`. Returns the number of such rows.
 */
export function residualBeam(
  begin: i32,
  end: i32,
  scratch: usize,
  books: usize,
  layers: i32,
  beam: i32,
  weights: usize,
  carry: f64,
  tables: usize,
  rows: usize,
  indices: usize,
  blockRows: i32,
): i32 {
  const search = placeSearch(scratch, books, layers, beam, blockRows);
  search.carry = carry;
  const dim = search.dim;
  const bytes = <usize>dim << 2;
  let before = search.first;
  let after = search.second;
  let bad = 0;
  for (let at = begin; at < end; at += blockRows) {
    const count = min(blockRows, end - at);
    const block = rows + <usize>at * bytes;
    refuseRows(block, count, dim, bookOf(books, 0).limit);
    bad += start(search, before, block, count);
    for (let q = 0; q < layers; ++q) {
      const book = bookOf(books, q);
      const all = before.width * <i64>book.size;
      after.width = q == layers - 1 ? 1 : <i32>min(<i64>beam, all);
      const weight = load<f64>(weights + (<usize>q << 3));
      const shift = sqrt(squaredLength(book.mean, dim));
      search.longest = book.maxNorm + shift;
      if (tables == 0 || q == 0) extendByScan(search, book, before, after, count, q, weight);
      else extendByTables(search, book, before, after, block, count, q, weight, tables, shift);
      const swap = before;
      before = after;
      after = swap;
    }
    for (let r = 0; r < count; ++r) {
      const to = indices + (<usize>(at + r) * layers << 2);
      if (fits(block + <usize>r * bytes, dim)) {
        memory.copy(to, before.paths + (<usize>r * layers << 2), <usize>layers << 2);
      } else memory.fill(to, 0xff, <usize>layers << 2);
    }
  }
  return bad;
}

/** A layer whose scores are scanned for every sequence. */
function extendByScan(
  search: Search,
  book: Codebook,
  before: Sequences,
  after: Sequences,
  count: i32,
  q: i32,
  weight: f64,
): void {
  const width = before.width;
  const stride = scoreStride(book);
  const rows = count * width;
  packRows(
    before.residuals, rows, search.dim, book.mean, tileRows(book.shape), search.packed, search.norms,
  );
  scoreBlock(book, book.bias, search.packed, rows, search.scores, stride);
  for (let r = 0; r < count; ++r) {
    for (let j = 0; j < width; ++j) {
      const norm = <f64>load<f32>(search.norms + (<usize>(r * width + j) << 2));
      store<f64>(search.squares + (<usize>j << 3), norm);
      const length = sqrt(norm) * 1.0001;
      store<f64>(search.errors + (<usize>j << 3), margin(book, length, norm));
    }
    const scores = search.scores + <usize>(r * width) * stride;
    choose(search, book, before, scores, stride, r, after.width, weight);
    advance(search, book, before, after, r, q);
  }
}

/** A layer whose scores follow from the rows' own and the tables. */
function extendByTables(
  search: Search,
  book: Codebook,
  before: Sequences,
  after: Sequences,
  block: usize,
  count: i32,
  q: i32,
  weight: f64,
  tables: usize,
  shift: f64,
): void {
  const width = before.width;
  const stride = scoreStride(book);
  const dim = search.dim;
  packRows(block, count, dim, book.mean, tileRows(book.shape), search.packed, search.norms);
  scoreBlock(book, book.bias, search.packed, count, search.scores, stride);
  for (let r = 0; r < count; ++r) {
    addProducts(search, book, before, r, q, tables);
    for (let j = 0; j < width; ++j) {
      const h = <usize>(r * width + j);
      const square = <f64>squaredDistance(before.residuals + (h * dim << 2), book.mean, dim);
      store<f64>(search.squares + (<usize>j << 3), square);
      // Each product was rounded by itself, so the bound is of their lengths, not of the rest's.
      const length = (load<f64>(before.lengths + (h << 3)) + shift) * 1.0001;
      store<f64>(search.errors + (<usize>j << 3), 2 * margin(book, length, square));
    }
    choose(search, book, before, search.lines, stride, r, after.width, weight);
    advance(search, book, before, after, r, q);
  }
}

/** At most this far is a scanned score from half of what the rank uses, for any code. */
// @ts-ignore: decorator
@inline
function margin(book: Codebook, length: f64, square: f64): f64 {
  return scoreError(book, length, book.maxNorm) + book.unit * (square + book.maxNorm * book.maxNorm);
}
