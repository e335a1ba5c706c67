import { copyFloats } from "./arithmetic";

/**
 * Blocks of pixels to features, or back with `inverse`: rows of `large` images from `begin` to `end`.
 * `[.., columns * block, C]` in the large ones is `[.., columns, block * block * C]` in the small ones.
 */
export function blocksToFeatures(
  begin: i32,
  end: i32,
  _scratch: usize,
  large: usize,
  small: usize,
  columns: i32,
  channels: i32,
  block: i32,
  inverse: i32,
): i32 {
  const piece = <usize>(block * channels) << 2;
  for (let row = begin; row < end; ++row) {
    const line = row / block;
    let wide = large + <usize>(row * columns) * piece;
    let deep = small + <usize>(line * columns * block + row - line * block) * piece;
    for (let column = 0; column < columns; ++column) {
      if (inverse) copyFloats(wide, deep, piece);
      else copyFloats(deep, wide, piece);
      wide += piece;
      deep += <usize>block * piece;
    }
  }
  return 0;
}
