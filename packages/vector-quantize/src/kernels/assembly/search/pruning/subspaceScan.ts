/** The inner loop over projections: f32, rounded to 16 bits as they are written. */
import { LEASTS, PANEL, PrincipalSubspace, ROW, Row, SCORES } from "./filterCodebook";
import { scan4x8 } from "../tiles";

/** Rows and codes of a tile: shape 2 of `tiles.ts`. */
const HEIGHT: i32 = 4;
const WIDTH: i32 = 8;

/**
 * Scores of `panels` panels from `first` on for `count` projected rows in tiles, times the scales of
 * their `Row`s: layout as in `scanWindow`. Places past the last code get the largest score.
 */
export function scanProjections(
  subspace: PrincipalSubspace,
  first: i32,
  panels: i32,
  packed: usize,
  count: i32,
  states: usize,
  scores: usize,
  leasts: usize,
): void {
  const codes = subspace.codes;
  const tiles = (count + HEIGHT - 1) / HEIGHT;
  const step = <usize>(codes.dim * WIDTH) << 2;
  const begin = first * PANEL / WIDTH;
  const stored = min(panels * PANEL / WIDTH, ((codes.panels + 3) & ~3) - begin);
  let panel = codes.packed + <usize>begin * step;
  let bias = codes.bias + (<usize>(begin * WIDTH) << 2);
  const scales = states + offsetof<Row>("factor");
  for (let p = 0; p < stored; ++p) {
    const to = scores + (<usize>p << 4);
    scan4x8<i16>(packed, tiles, codes.dim, panel, bias, to, SCORES, <i32>scales, <i32>ROW);
    panel += step;
    bias += WIDTH * 4;
  }
  for (let r = 0; r < count; ++r) {
    const line = scores + <usize>r * SCORES;
    const end = line + (<usize>(panels * PANEL) << 1);
    for (let at = line + (<usize>stored << 4); at < end; at += 16) v128.store(at, i16x8.splat(32767));
    let to = leasts + <usize>r * LEASTS;
    for (let at = line; at < end; at += 64) {
      const low = i16x8.min_s(v128.load(at), v128.load(at, 16));
      const high = i16x8.min_s(v128.load(at, 32), v128.load(at, 48));
      v128.store(to, i16x8.min_s(low, high));
      to += 16;
    }
  }
}
