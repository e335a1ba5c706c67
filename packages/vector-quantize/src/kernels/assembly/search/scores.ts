/**
 * As `tiles.ts`, but every score is kept: `out[row, code] = bias[code] - x[row] . c[code]`, with
 * `stride` bytes between rows. Rows that fill up the last tile are written too.
 */
import { Codebook } from "./packedCodebook";
import { panelCodes, scanPanel, tileRows } from "./tiles";

/** Scores of all codes, padding included, for `count` packed rows. */
export function scoreBlock(
  book: Codebook,
  bias: usize,
  packed: usize,
  count: i32,
  out: usize,
  stride: usize,
): void {
  const shape = book.shape;
  const height = tileRows(shape);
  const tiles = (count + height - 1) / height;
  const width = <usize>panelCodes(shape) << 2;
  const step = width * book.dim;
  for (let p = 0, n = book.panels; p < n; ++p) {
    const codes = book.packed + <usize>p * step;
    const b = bias + <usize>p * width;
    const o = out + <usize>p * width;
    scanPanel<f32>(shape, packed, tiles, book.dim, codes, b, o, stride, 0);
  }
}
