/**
 * The nearest code of each row, exactly: the index is that of the least f64 distance, the lowest
 * one on ties, whatever the tile shape, the CPU's rounding of multiply-add, or the split of rows.
 *
 * A pass in f32 finds the least score (half the squared length of the code less the inner product)
 * and the least score outside its group. If a bound of the rounding errors keeps them apart, the
 * winner is certain; otherwise the row is scanned again and every code that may win is compared in
 * f64. On ordinary data that happens to less than one row in a hundred.
 */
import { Codebook } from "./shared/codebook";
import { packRows } from "./shared/rows";
import { STATE, tileRows } from "./shared/tiles";
import { distance } from "./shared/values";
import { scanBlock, winner, winnerValue } from "./shared/winner";

/**
 * Rows `begin` to `end` of `rows` (f32 [N, D]). `indices` (i32 [N]) gets -1 and `distances`
 * (f32 [N]) NaN for a row that is not finite. 12 bytes past the rows must be readable.
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
  const norms = scratch + <usize>blockRows * STATE;
  const packed = norms + (<usize>blockRows << 2);
  const rowBytes = <usize>book.dim << 2;
  let row = rows + <usize>begin * rowBytes;
  indices += <usize>begin << 2;
  distances += <usize>begin << 2;
  let bad = 0;
  for (let first = begin; first < end; first += blockRows) {
    const count = min(blockRows, end - first);
    packRows(row, count, book.dim, book.mean, tileRows(book.shape), packed, norms);
    scanBlock(book, packed, scratch, count);
    for (let r = 0; r < count; ++r) {
      const norm = load<f32>(norms + (<usize>r << 2));
      if (isNaN(norm)) {
        store<i32>(indices, -1);
        store<f32>(distances, NaN);
        ++bad;
      } else {
        const k = winner(book, row, norm, scratch + <usize>r * STATE, packed, r);
        store<i32>(indices, k);
        store<f32>(distances, distance(book, row, k, winnerValue, norm));
      }
      row += rowBytes;
      indices += 4;
      distances += 4;
    }
  }
  return bad;
}
