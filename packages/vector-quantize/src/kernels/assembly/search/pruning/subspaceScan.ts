/** The inner loop over projections: f32, rounded to 16 bits as they are written. */
import { LEASTS, PANEL, PrincipalSubspace, ROW, Row, SCORES } from "./filterCodebook";
import { nmadd } from "../tiles";

/** Rows and codes of a tile: shape 2 of `tiles.ts`. */
const HEIGHT: i32 = 4;
const WIDTH: i32 = 8;

/** 1.5 * 2^23: adding it rounds a float to an integer, in its low bits. */
const ROUNDER: f32 = 12582912;

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
  for (let p = 0; p < stored; ++p) {
    scanTiles(packed, tiles, panel, panel + step, bias, states, scores + (<usize>p << 4));
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

/** All tiles against one panel of eight codes. */
function scanTiles(
  x: usize,
  tiles: i32,
  codes: usize,
  end: usize,
  bias: usize,
  states: usize,
  out: usize,
): void {
  const b0 = v128.load(bias);
  const b1 = v128.load(bias, 16);
  for (let t = 0; t < tiles; ++t) {
    let a00 = b0, a01 = b1, a10 = b0, a11 = b1;
    let a20 = b0, a21 = b1, a30 = b0, a31 = b1;
    let c = codes;
    do {
      const c0 = v128.load(c);
      const c1 = v128.load(c, 16);
      let v = v128.load32_splat(x);
      a00 = nmadd(v, c0, a00);
      a01 = nmadd(v, c1, a01);
      v = v128.load32_splat(x, 4);
      a10 = nmadd(v, c0, a10);
      a11 = nmadd(v, c1, a11);
      v = v128.load32_splat(x, 8);
      a20 = nmadd(v, c0, a20);
      a21 = nmadd(v, c1, a21);
      v = v128.load32_splat(x, 12);
      a30 = nmadd(v, c0, a30);
      a31 = nmadd(v, c1, a31);
      c += WIDTH * 4;
      x += HEIGHT * 4;
    } while (c != end);
    put(out, a00, a01, states);
    put(out + SCORES, a10, a11, states + ROW);
    put(out + 2 * SCORES, a20, a21, states + 2 * ROW);
    put(out + 3 * SCORES, a30, a31, states + 3 * ROW);
    out += HEIGHT * SCORES;
    states += HEIGHT * ROW;
  }
}

// @ts-ignore: decorator
@inline
function put(out: usize, a: v128, b: v128, state: usize): void {
  const scale = v128.load32_splat(state, offsetof<Row>("factor"));
  v128.store(out, i16x8.narrow_i32x4_s(rounded(a, scale), rounded(b, scale)));
}

// @ts-ignore: decorator
@inline
function rounded(a: v128, scale: v128): v128 {
  const rounder = f32x4.splat(ROUNDER);
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.sub(f32x4.relaxed_madd(a, scale, rounder), rounder);
  return i32x4.sub(f32x4.add(f32x4.mul(a, scale), rounder), rounder);
}
