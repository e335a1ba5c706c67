/** The nearest code of each row of a packed block; `nearest.ts` tells how it is made certain. */
import { Codebook, METRIC_EUCLIDEAN } from "./codebook";
import { STATE, nmadd, panelCodes, scanPanel, tileRows } from "./tiles";
import { exactValue, scoreError, value } from "./values";

/** Above every score of a code that is not padding. */
const UNSEEN: f32 = 3.4e38;

/** All panels against the packed rows of a block. */
export function scanBlock(book: Codebook, packed: usize, state: usize, count: i32): void {
  const shape = book.shape;
  const height = tileRows(shape);
  const tiles = (count + height - 1) / height;
  for (let r = 0, n = tiles * height; r < n; ++r) {
    const s = state + <usize>r * STATE;
    v128.store(s, f32x4.splat(UNSEEN));
    v128.store(s, i32x4.splat(0), 16);
    v128.store(s, f32x4.splat(UNSEEN), 32);
  }
  const width = <usize>panelCodes(shape) << 2;
  const step = width * book.dim;
  for (let p = 0, n = book.panels; p < n; ++p) {
    const codes = book.packed + <usize>p * step;
    scanPanel(shape, packed, tiles, book.dim, codes, book.bias + <usize>p * width, state, p);
  }
}

/** The index of the code nearest to row `r` of the block, from its state. */
export function winner(book: Codebook, row: usize, norm: f32, state: usize, packed: usize, r: i32): i32 {
  let lane = 0;
  let least = load<f32>(state);
  for (let l = 1; l < 4; ++l) {
    const score = load<f32>(state + (<usize>l << 2));
    if (score < least) {
      least = score;
      lane = l;
    }
  }
  let second = load<f32>(state + (<usize>lane << 2), 32);
  for (let l = 0; l < 4; ++l) {
    if (l != lane) second = min(second, load<f32>(state + (<usize>l << 2)));
  }

  // The codes of the group that holds the least score, by their distances in f32.
  const width = panelCodes(book.shape);
  const base = load<i32>(state + (<usize>lane << 2), 16) * width + lane;
  if (base >= book.size) return search(book, row, Infinity, packed, r); // scores overflowed
  let best = base;
  let bestValue = value(book, row, base);
  let nextValue = f32.MAX_VALUE;
  for (let i = 4; i < width; i += 4) {
    if (base + i >= book.size) break;
    const v = value(book, row, base + i);
    if (v < bestValue) {
      nextValue = bestValue;
      bestValue = v;
      best = base + i;
    } else if (v < nextValue) nextValue = v;
  }

  const euclidean = book.metric == METRIC_EUCLIDEAN;
  const xNorm = sqrt(<f64>norm) * 1.0001;
  let codeNorm = book.maxNorm;
  if (euclidean) codeNorm = min(codeNorm, (xNorm + sqrt(<f64>bestValue) * 1.0001) * book.reach);
  const error = scoreError(book, xNorm, codeNorm);
  const limit = <f64>least + 2 * error;
  const slack = euclidean ? 2 * book.unit * <f64>nextValue + <f64>book.dim * 1e-44 : 2 * error;
  if (<f64>second > limit && <f64>nextValue - <f64>bestValue > slack) return best;
  return search(book, row, limit, packed, r);
}

/** The exact winner among all codes whose score is not above `limit`. */
function search(book: Codebook, row: usize, limit: f64, packed: usize, r: i32): i32 {
  const dim = book.dim;
  const height = tileRows(book.shape);
  const lane = r % height;
  const x = packed + (<usize>(r - lane) * dim << 2) + (<usize>lane << 2);
  const xStep = <usize>height << 2;
  const step = <usize>panelCodes(book.shape) << 2;
  const columns = step >> 4;
  const all = <usize>book.panels * columns;
  const above = f32x4.splat(<f32>(limit + abs(limit) * 2e-7 + 1e-44));
  let best = -1;
  let bestValue: f64 = Infinity;
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
      const v = exactValue(book, row, k);
      if (v < bestValue || best < 0) {
        bestValue = v;
        best = k;
      }
    }
  }
  return best;
}

// @ts-ignore: decorator
@inline
function columnPointer(book: Codebook, column: usize, columns: usize, step: usize): usize {
  const panel = column / columns;
  return book.packed + panel * step * book.dim + ((column - panel * columns) << 4);
}
