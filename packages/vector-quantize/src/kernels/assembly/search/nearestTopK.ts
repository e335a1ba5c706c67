/**
 * The k nearest codes of each row, the nearest first and the lower index first on ties. Exact as
 * `nearest` is: scores in f32 propose k + 1 codes, a bound of their rounding errors tells whether
 * the first k are certain, and rows where they are not are searched again in f64.
 */
import { Codebook } from "./packedCodebook";
import { refuseRows } from "./rows";
import { nearestTopKOfBlock } from "./topK";

/**
 * Rows `begin` to `end` of `rows` (f32 [N, D]); `indices` (i32 [N, k]) gets -1 and `distances`
 * (f32 [N, k]) NaN for a row that is not finite. 12 bytes past the rows must be readable. k is at
 * most the number of codes. `blockRows` is a multiple of 12.
 *
 * `scratch`: see `nearestTopKOfBlock`. Returns the number of rows that are not finite.
 */
export function nearestTopK(
  begin: i32,
  end: i32,
  scratch: usize,
  book: Codebook,
  rows: usize,
  indices: usize,
  distances: usize,
  blockRows: i32,
  k: i32,
): i32 {
  let bad = 0;
  for (let first = begin; first < end; first += blockRows) {
    const count = min(blockRows, end - first);
    const row = rows + (<usize>(first * book.dim) << 2);
    const at = <usize>(first * k) << 2;
    refuseRows(row, count, book.dim, book.limit);
    bad += nearestTopKOfBlock(
      book, row, count, scratch, blockRows, indices + at, distances + at, k,
    );
  }
  return bad;
}
