/**
 * All layers of a residual quantizer for a block of rows while its residual is in cache:
 * `indices[n, q] = nearest code of r in layer q; r -= that code`.
 *
 * Each layer's winner is found as in `nearest.ts` or `nearestFiltered.ts`: exactly, the lowest index on
 * ties.
 */
import { nearestOfBlock } from "../search/block";
import { Codebook } from "../search/packedCodebook";
import { FilterCodebook } from "../search/pruning/filterCodebook";
import { nearestByFilter } from "../search/pruning/filterNearest";
import { refuseRows } from "../search/rows";
import { subtractRow } from "./subtract";

/**
 * Rows `begin` to `end` of `rows` (f32 [N, D]). `books` (u32 [Q]) holds the addresses of the packed
 * codebooks, `filters` (u32 [Q]) those of their integers, or 0. `indices` (i32 [N, Q]) gets -1 for a
 * row that is not finite or above the limit of the codebooks, and for the layers after one whose
 * residual is.
 *
 * `scratch` (16-byte aligned) holds one block: blockRows * (4 * D + 8) + 32 bytes and what
 * `nearestByFilter` needs; blockRows is a multiple of 12. Returns the number of rows without a code.
 */
export function residualNearest(
  begin: i32,
  end: i32,
  scratch: usize,
  books: usize,
  filters: usize,
  layers: i32,
  rows: usize,
  indices: usize,
  blockRows: i32,
): i32 {
  const dim = changetype<Codebook>(<usize>load<u32>(books)).dim;
  const bytes = <usize>dim << 2;
  const winners = scratch;
  const distances = winners + (<usize>blockRows << 2);
  const residuals = distances + (<usize>blockRows << 2);
  const rest = (residuals + <usize>blockRows * bytes + 31) & ~15;
  let bad = 0;
  for (let first = begin; first < end; first += blockRows) {
    const count = min(blockRows, end - first);
    const block = rows + <usize>first * bytes;
    memory.copy(residuals, block, <usize>count * bytes);
    for (let q = 0; q < layers; ++q) {
      const book = changetype<Codebook>(<usize>load<u32>(books + (<usize>q << 2)));
      const filter = <usize>load<u32>(filters + (<usize>q << 2));
      refuseRows(residuals, count, dim, book.limit);
      if (filter == 0) {
        nearestOfBlock(book, residuals, count, rest, blockRows, winners, distances);
      } else {
        const integers = changetype<FilterCodebook>(filter);
        nearestByFilter(book, integers, residuals, count, rest, blockRows, winners, distances);
      }
      for (let r = 0; r < count; ++r) {
        const k = load<i32>(winners + (<usize>r << 2));
        store<i32>(indices + (<usize>((first + r) * layers + q) << 2), k);
        if (q == 0 && k < 0) ++bad;
        const row = residuals + <usize>r * bytes;
        if (k >= 0) subtractRow(row, book.codes + <usize>k * bytes, row, dim);
      }
    }
  }
  return bad;
}
