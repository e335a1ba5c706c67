/**
 * The nearest code of each row, exactly: the index is that of the least f64 distance, the lowest
 * one on ties, whatever the tile shape, the CPU's rounding of multiply-add, or the split of rows.
 *
 * A pass in f32 finds the least score (half the squared length of the code less the inner product)
 * and the least score outside its group. If a bound of the rounding errors keeps them apart, the
 * winner is certain; otherwise the row is scanned again and every code that may win is compared in
 * f64. On ordinary data that happens to less than one row in a hundred.
 */
import { nearestOfBlock } from "./block";
import { Codebook } from "./packedCodebook";
import { refuseRows } from "./rows";

/**
 * Rows `begin` to `end` of `rows` (f32 [N, D]). `indices` (i32 [N]) gets -1 and `distances`
 * (f32 [N]) NaN for a row that is not finite or above the codebook's limit. 12 bytes past the rows must be readable.
 *
 * `scratch` (16-byte aligned) holds one block: blockRows * (4 * D + 52) bytes; blockRows is a
 * multiple of 12. Returns the number of rows that are not finite.
 */
export function nearest(
  begin: i32,
  end: i32,
  scratch: usize,
  book: Codebook,
  rows: usize,
  indices: usize,
  distances: usize,
  blockRows: i32,
): i32 {
  let bad = 0;
  for (let first = begin; first < end; first += blockRows) {
    const count = min(blockRows, end - first);
    const row = rows + (<usize>(first * book.dim) << 2);
    const at = <usize>first << 2;
    refuseRows(row, count, book.dim, book.limit);
    bad += nearestOfBlock(book, row, count, scratch, blockRows, indices + at, distances + at);
  }
  return bad;
}
