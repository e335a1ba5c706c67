/** The nearest codes of a block of rows, in f32; `nearest.ts` tells how they are made certain. */
import { Codebook } from "./packedCodebook";
import { packRows } from "./rows";
import { STATE, tileRows } from "./tiles";
import { distance } from "./values";
import { scanBlock, winner, winnerValue } from "./winner";

/**
 * `indices` (i32 [count]) gets -1 and `distances` (f32 [count]) NaN for a row that is not finite.
 * Returns the number of such rows. `scratch` (16-byte aligned) holds blockRows * (4 * D + 52) bytes;
 * `blockRows` is a multiple of 12 and at least `count`. Rows may be read 12 bytes past their end.
 */
export function nearestOfBlock(
  book: Codebook,
  rows: usize,
  count: i32,
  scratch: usize,
  blockRows: i32,
  indices: usize,
  distances: usize,
): i32 {
  const norms = scratch + <usize>blockRows * STATE;
  const packed = norms + (<usize>blockRows << 2);
  const rowBytes = <usize>book.dim << 2;
  packRows(rows, count, book.dim, book.mean, tileRows(book.shape), packed, norms);
  scanBlock(book, packed, scratch, count);
  let bad = 0;
  for (let r = 0; r < count; ++r) {
    const norm = load<f32>(norms + (<usize>r << 2));
    const to = <usize>r << 2;
    if (isNaN(norm)) {
      store<i32>(indices + to, -1);
      store<f32>(distances + to, NaN);
      ++bad;
      continue;
    }
    const row = rows + <usize>r * rowBytes;
    const k = winner(book, row, norm, scratch + <usize>r * STATE, packed, r);
    store<i32>(indices + to, k);
    store<f32>(distances + to, distance(book, row, k, winnerValue, norm));
  }
  return bad;
}
