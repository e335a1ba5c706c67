/** As `nearest`, by way of 16-bit integers: the same answer in about half the time for D from 32 on. */
import { Codebook } from "./shared/codebook";
import { ShortCodebook, nearestByShorts } from "./shared/short";

/**
 * As `nearest`; `short` is the codebook in integers. `scratch` (16-byte aligned) holds
 * 24 * (2 * D + 62) + blockRows * (8 * D + 56) + 64 bytes.
 */
export function nearestShort(
  begin: i32,
  end: i32,
  scratch: usize,
  book: Codebook,
  rows: usize,
  indices: usize,
  distances: usize,
  blockRows: i32,
  short: ShortCodebook,
): i32 {
  let bad = 0;
  for (let first = begin; first < end; first += blockRows) {
    const row = rows + (<usize>(first * book.dim) << 2);
    const at = <usize>first << 2;
    const count = min(blockRows, end - first);
    bad += nearestByShorts(
      book, short, row, count, scratch, blockRows, indices + at, distances + at,
    );
  }
  return bad;
}
