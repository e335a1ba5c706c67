/**
 * All layers of a residual quantizer for a block of rows while its residual is in cache:
 * `indices[n, q] = nearest code of r in layer q; r -= that code`.
 *
 * Each layer's winner is found as in `nearest.ts`: exactly, the lowest index on ties.
 */
import { Codebook } from "./shared/codebook";
import { isFiniteRow, packRows } from "./shared/rows";
import { subtractRow } from "./shared/subtract";
import { STATE, tileRows } from "./shared/tiles";
import { scanBlock, winner } from "./shared/winner";

/**
 * Rows `begin` to `end` of `rows` (f32 [N, D]). `books` (u32 [Q]) holds the addresses of the packed
 * codebooks. `indices` (i32 [N, Q]) gets -1 for a row that is not finite, and for the layers after
 * one whose residual overflows.
 *
 * `scratch` (16-byte aligned) holds one block: blockRows * (8 * D + 52) bytes; blockRows is a
 * multiple of 12. Returns the number of rows that are not finite.
 */
export function residualNearest(
  begin: i32,
  end: i32,
  scratch: usize,
  books: usize,
  layers: i32,
  rows: usize,
  indices: usize,
  blockRows: i32,
): i32 {
  const dim = changetype<Codebook>(<usize>load<u32>(books)).dim;
  const bytes = <usize>dim << 2;
  const state = scratch;
  const norms = state + <usize>blockRows * STATE;
  const residuals = norms + (<usize>blockRows << 2);
  const packed = residuals + <usize>blockRows * bytes;
  let bad = 0;
  for (let first = begin; first < end; first += blockRows) {
    const count = min(blockRows, end - first);
    const block = rows + <usize>first * bytes;
    memory.copy(residuals, block, <usize>count * bytes);
    for (let q = 0; q < layers; ++q) {
      const book = changetype<Codebook>(<usize>load<u32>(books + (<usize>q << 2)));
      packRows(residuals, count, dim, book.mean, tileRows(book.shape), packed, norms);
      scanBlock(book, packed, state, count);
      for (let r = 0; r < count; ++r) {
        const at = indices + (<usize>((first + r) * layers + q) << 2);
        const norm = load<f32>(norms + (<usize>r << 2));
        const row = residuals + <usize>r * bytes;
        if (isNaN(norm)) {
          store<i32>(at, -1);
          continue;
        }
        const k = winner(book, row, norm, state + <usize>r * STATE, packed, r);
        store<i32>(at, k);
        subtractRow(row, book.codes + <usize>k * bytes, row, dim);
      }
    }
    for (let r = 0; r < count; ++r) if (!isFiniteRow(block + <usize>r * bytes, dim)) ++bad;
  }
  return bad;
}
