/** The nearest code of each row of a packed block; `nearest.ts` tells how it is made certain. */
import { Codebook, METRIC_EUCLIDEAN } from "./packedCodebook";
import { STATE, nmadd, panelCodes, scanPanel, tileRows } from "./tiles";
import { exactValue, lengthBound, scoreError, valueOf, values } from "./values";

/** Above every score of a code that is not padding. */
const UNSEEN: f32 = 3.4e38;

/** The winner's `values` entry, as of the last call of `winner`. */
export let winnerValue: f32 = 0;

/** All panels against the packed rows of a block. */
export function scanBlock(book: Codebook, packed: usize, state: usize, count: i32): void {
  const unseen = f32x4.splat(UNSEEN);
  const none = i32x4.splat(0);
  const shape = book.shape;
  const height = tileRows(shape);
  const tiles = (count + height - 1) / height;
  const last = state + <usize>(tiles * height) * STATE;
  for (let s = state; s < last; s += STATE) {
    v128.store(s, unseen);
    v128.store(s, none, 16);
    v128.store(s, unseen, 32);
  }
  const width = <usize>panelCodes(shape) << 2;
  const step = width * book.dim;
  let codes = book.packed;
  let bias = book.bias;
  for (let p = 0, n = book.panels; p < n; ++p) {
    scanPanel<v128>(shape, packed, tiles, book.dim, codes, bias, state, STATE, p);
    codes += step;
    bias += width;
  }
}

/**
 * The index of the code nearest to row `r` of the block, from its state, with its value in
 * `winnerValue`. `norm` is the row's squared length as `packRows` gave it; it must not be NaN.
 * Free of branches that depend on the data, but for the rare row that f32 can't decide.
 */
export function winner(
  book: Codebook,
  row: usize,
  norm: f32,
  state: usize,
  packed: usize,
  r: i32,
): i32 {
  const scores = v128.load(state);
  const least = horizontalMin(scores);
  const isLeast = f32x4.eq(scores, least);
  const bits = i32x4.bitmask(isLeast);
  const lane = ctz(bits) & 3;
  const second = horizontalMin(v128.bitselect(v128.load(state, 32), scores, isLeast));

  // The codes of the group that holds the least score, by their distances in f32.
  const width = panelCodes(book.shape);
  const base = load<i32>(state + (<usize>lane << 2), 16) * width + lane;
  const last = book.size - 1;
  const places = i32x4.splat(min(last - base, width - 4));
  const k1 = min(base + 4, last);
  const found = values(book, row, min(base, last), k1, width == 12 ? min(base + 8, last) : k1);
  const group = v128.bitselect(found, f32x4.splat(UNSEEN), i32x4.le_s(i32x4(0, 4, 8, 12), places));
  const best = horizontalMin(group);
  const isBest = f32x4.eq(group, best);
  const bestBits = i32x4.bitmask(isBest);
  const others = v128.bitselect(f32x4.splat(UNSEEN), group, isBest);
  const next = <f64>f32x4.extract_lane(horizontalMin(others), 0);
  winnerValue = f32x4.extract_lane(best, 0);

  const euclidean = book.metric == METRIC_EUCLIDEAN;
  const xNorm = lengthBound(book, norm);
  let codeNorm = book.maxNorm;
  if (euclidean) {
    const reach = (xNorm + lengthBound(book, winnerValue)) * book.reach;
    codeNorm = reach < codeNorm ? reach : codeNorm;
  }
  const error = 2 * scoreError(book, xNorm, codeNorm);
  const limit = <f64>f32x4.extract_lane(least, 0) + error;
  const slack = euclidean ? 2 * book.unit * next + book.tiny : error;
  const certain =
    <i32>(<f64>f32x4.extract_lane(second, 0) > limit) &
    <i32>(next - <f64>winnerValue > slack) &
    <i32>((bits & (bits - 1)) == 0) &
    <i32>((bestBits & (bestBits - 1)) == 0) &
    <i32>(base <= last);
  if (certain) return base + (ctz(bestBits) << 2);

  search(book, row, base <= last ? limit : Infinity, packed, r, 1, state);
  const k = load<i32>(state, 8);
  winnerValue = valueOf(book, row, k);
  return k;
}

/** The least lane, in all lanes. */
// @ts-ignore: decorator
@inline
export function horizontalMin(v: v128): v128 {
  const pairs = f32x4.pmin(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
  return f32x4.pmin(pairs, v128.shuffle<f32>(pairs, pairs, 1, 0, 3, 2));
}

/**
 * The `want` nearest codes, exactly, among those whose score is not above `limit`. `list` gets their
 * `exactValue`s (f64 [want]) and then their indices (i32 [want]), the nearest first and the lower
 * index first on ties; -1 where there are fewer codes.
 */
export function search(
  book: Codebook,
  row: usize,
  limit: f64,
  packed: usize,
  r: i32,
  want: i32,
  list: usize,
): void {
  const found = list + (<usize>want << 3);
  for (let i = 0; i < want; ++i) store<i32>(found + (<usize>i << 2), -1);
  let full = 0;
  const dim = book.dim;
  const height = tileRows(book.shape);
  const lane = r % height;
  const x = packed + (<usize>(r - lane) * dim << 2) + (<usize>lane << 2);
  const xStep = <usize>height << 2;
  const step = <usize>panelCodes(book.shape) << 2;
  const columns = step >> 4;
  const all = <usize>book.panels * columns;
  const above = f32x4.splat(<f32>(limit + abs(limit) * 2e-7 + 1e-44));
  // Storage goes on to a multiple of four panels, so columns may be read four at a time.
  for (let column: usize = 0; column < all; column += 4) {
    let c0 = columnPointer(book, column, columns, step);
    let c1 = columnPointer(book, column + 1, columns, step);
    let c2 = columnPointer(book, column + 2, columns, step);
    let c3 = columnPointer(book, column + 3, columns, step);
    const bias = book.bias + (column << 4);
    let a0 = v128.load(bias);
    let a1 = v128.load(bias, 16);
    let a2 = v128.load(bias, 32);
    let a3 = v128.load(bias, 48);
    let xp = x;
    for (let d = 0; d < dim; ++d) {
      const v = v128.load32_splat(xp);
      a0 = nmadd(v, v128.load(c0), a0);
      a1 = nmadd(v, v128.load(c1), a1);
      a2 = nmadd(v, v128.load(c2), a2);
      a3 = nmadd(v, v128.load(c3), a3);
      xp += xStep;
      c0 += step;
      c1 += step;
      c2 += step;
      c3 += step;
    }
    let hits =
      i32x4.bitmask(f32x4.gt(a0, above)) |
      (i32x4.bitmask(f32x4.gt(a1, above)) << 4) |
      (i32x4.bitmask(f32x4.gt(a2, above)) << 8) |
      (i32x4.bitmask(f32x4.gt(a3, above)) << 12);
    hits ^= 0xffff;
    while (hits != 0) {
      const k = (<i32>column << 2) + ctz(hits);
      hits &= hits - 1;
      if (k >= book.size) break;
      // A codebook may hold one code very often, and of equal ones the first has been seen.
      if (want == 1 && full == 1 && sameCode(book, k, load<i32>(found))) continue;
      const value = exactValue(book, row, k);
      let at = full;
      if (full < want) ++full;
      else if (value < load<f64>(list + (<usize>(want - 1) << 3))) at = want - 1;
      else continue;
      // Codes come in ascending order, so an equal one stays behind those that are there.
      for (; at > 0 && value < load<f64>(list + (<usize>(at - 1) << 3)); --at) {
        store<f64>(list + (<usize>at << 3), load<f64>(list + (<usize>(at - 1) << 3)));
        store<i32>(found + (<usize>at << 2), load<i32>(found + (<usize>(at - 1) << 2)));
      }
      store<f64>(list + (<usize>at << 3), value);
      store<i32>(found + (<usize>at << 2), k);
    }
  }
}

function sameCode(book: Codebook, a: i32, b: i32): bool {
  const bytes = <usize>book.dim << 2;
  const p = book.codes + <usize>a * bytes;
  const q = book.codes + <usize>b * bytes;
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) {
    if (v128.any_true(i32x4.ne(v128.load(p + at), v128.load(q + at)))) return false;
  }
  for (; at < bytes; at += 4) {
    if (load<u32>(p + at) != load<u32>(q + at)) return false;
  }
  return true;
}

// @ts-ignore: decorator
@inline
function columnPointer(book: Codebook, column: usize, columns: usize, step: usize): usize {
  const panel = column / columns;
  return book.packed + panel * step * book.dim + ((column - panel * columns) << 4);
}
