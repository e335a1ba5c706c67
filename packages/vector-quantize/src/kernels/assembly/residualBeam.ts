/**
 * Residual quantization with a beam: after each layer the `beam` best sequences of codes of a row
 * are kept, and the best of the last layer is its answer.
 *
 * A sequence is ranked by its score: `carry * score before + weight[q] * |r - c|^2`, least first;
 * of equal scores the earlier sequence wins, then the lower index. Scores come from the squared
 * distance in f32 by plain multiply and add, so every engine ranks alike; the scan, whose rounding
 * differs between engines, only proposes candidates, with a margin for its rounding errors.
 *
 * With tables of products between the codes of two layers, a layer's scores follow from the row's
 * own products by additions, `x . c - sum of c_i . c`, and the scan is done once for all sequences.
 */
import { Codebook } from "./shared/codebook";
import { squaredDistance } from "./shared/distance";
import { isFiniteRow, packRows } from "./shared/rows";
import { scoreBlock } from "./shared/scores";
import { subtractRow } from "./shared/subtract";
import { panelCodes, tileRows } from "./shared/tiles";
import { scoreError } from "./shared/values";

/** The widest beam. */
const MOST: i32 = 16;

/** A block's sequences, before or after a layer. */
@unmanaged
class Sequences {
  /** f32 [rows * beam, D]: what is left of the row. */
  residuals: usize;
  /** i32 [rows * beam, Q]: the codes. */
  paths: usize;
  /** f64 [rows * beam]: the score. */
  scores: usize;
  /** f64 [rows * beam]: at least the length of the row and of the codes taken off it, together. */
  lengths: usize;
  /** Sequences per row. */
  width: i32;
}

/** What stays the same over a call. */
@unmanaged
class Search {
  dim: i32;
  layers: i32;
  beam: i32;
  carry: f64;
  /** f32 [blockRows * beam] */
  norms: usize;
  /** f32, tiles of the rows that are scanned */
  packed: usize;
  /** f32, scores of the scan */
  scores: usize;
  /** f32 [beam, codes]: scores of one row's sequences, with tables */
  lines: usize;
  /** f32 [layers, codes]: scores of one sequence's first codes, with tables */
  stems: usize;
  /** i32 [layers]: for the stem of so many codes, the length of the one that it goes on from */
  stemOf: usize;
  /** i32 [MOST]: a row's sequences in the order of their codes, with tables */
  sorted: usize;
  /** f64 [MOST]: least scores so far */
  best: usize;
  /** i32 [MOST], i32 [MOST]: the sequence and the code of each */
  parents: usize;
  codes: usize;
  /** f64 [MOST]: rounding error bound of each sequence's scan */
  errors: usize;
  /** f64 [MOST]: squared length of each sequence's residual, shifted as the codebook is */
  squares: usize;
  /** At least the length of any code of the layer. */
  longest: f64;
}

/** The bytes between the rows of scanned scores: an odd number of cache lines. */
// @ts-ignore: decorator
@inline
function scoreStride(book: Codebook): usize {
  const bytes = <usize>book.panels * panelCodes(book.shape) * 4;
  return ((bytes + 63) >> 6 | 1) << 6;
}

/** The bytes between the rows of a table for the codebook: a multiple of 16. */
// @ts-ignore: decorator
@inline
function tableStride(book: Codebook): usize {
  return <usize>book.panels * panelCodes(book.shape) * 4;
}

/**
 * Rows `begin` to `end` of `rows` (f32 [N, D]). `books` (u32 [Q]) holds the addresses of the packed
 * codebooks, `weights` (f64 [Q]) the weights, above 0. `tables` is 0, or (u32 [Q, Q]) the addresses
 * of the products of codes of layers i < q at [i, q], from `codeProducts`. `indices` (i32 [N, Q])
 * gets -1 for a row that is not finite, or of a squared length above 1e37.
 *
 * `scratch` (16-byte aligned): see `residualBeamBytes`. Returns the number of such rows.
 */
export function residualBeam(
  begin: i32,
  end: i32,
  scratch: usize,
  books: usize,
  layers: i32,
  beam: i32,
  weights: usize,
  carry: f64,
  tables: usize,
  rows: usize,
  indices: usize,
  blockRows: i32,
): i32 {
  const first = bookOf(books, 0);
  const dim = first.dim;
  const bytes = <usize>dim << 2;
  const held = <usize>blockRows * beam;

  const search = changetype<Search>(scratch);
  let before = changetype<Sequences>(scratch + 128);
  let after = changetype<Sequences>(scratch + 192);
  search.sorted = scratch + 896;
  search.dim = dim;
  search.layers = layers;
  search.beam = beam;
  search.carry = carry;
  search.best = scratch + 256;
  search.parents = search.best + 8 * MOST;
  search.codes = search.parents + 4 * MOST;
  search.errors = search.codes + 4 * MOST;
  search.squares = search.errors + 8 * MOST;
  let free = scratch + 1024;
  free = place(before, free, held, dim, layers);
  free = place(after, free, held, dim, layers);
  search.norms = free;
  free = align(free + (tiled(held) << 2));
  search.packed = free;
  free = align(free + tiled(held) * bytes);
  search.lines = free;
  free = align(free + <usize>beam * widest(books, layers));
  search.stems = free;
  free = align(free + <usize>layers * widest(books, layers));
  search.stemOf = free;
  free = align(free + (<usize>layers << 2));
  search.scores = free;

  let bad = 0;
  for (let at = begin; at < end; at += blockRows) {
    const count = min(blockRows, end - at);
    const block = rows + <usize>at * bytes;
    bad += start(search, before, block, count);
    for (let q = 0; q < layers; ++q) {
      const book = bookOf(books, q);
      const all = before.width * <i64>book.size;
      after.width = q == layers - 1 ? 1 : <i32>min(<i64>beam, all);
      const weight = load<f64>(weights + (<usize>q << 3));
      const shift = sqrt(squaredLength(book.mean, dim));
      search.longest = book.maxNorm + shift;
      if (tables == 0 || q == 0) extendByScan(search, book, before, after, count, q, weight);
      else extendByTables(search, book, before, after, block, count, q, weight, tables, shift);
      const swap = before;
      before = after;
      after = swap;
    }
    for (let r = 0; r < count; ++r) {
      const to = indices + (<usize>(at + r) * layers << 2);
      if (fits(block + <usize>r * bytes, dim)) {
        memory.copy(to, before.paths + (<usize>r * layers << 2), <usize>layers << 2);
      } else memory.fill(to, 0xff, <usize>layers << 2);
    }
  }
  return bad;
}

/** Bytes of scratch memory that `residualBeam` needs; `begin` and `end` are not used. */
export function residualBeamBytes(
  begin: i32,
  end: i32,
  scratch: usize,
  books: usize,
  layers: i32,
  beam: i32,
  tables: usize,
  blockRows: i32,
): i32 {
  const bytes = <usize>bookOf(books, 0).dim << 2;
  const held = <usize>blockRows * beam;
  const each = held * (bytes + (<usize>layers << 2) + 16) + 64;
  const scanned = tiled(tables == 0 ? held : <usize>blockRows);
  const lines = (<usize>(beam + layers) + scanned) * widest(books, layers);
  return <i32>(2048 + 2 * each + tiled(held) * (bytes + 4) + lines + (<usize>layers << 2));
}

// @ts-ignore: decorator
@inline
function bookOf(books: usize, q: i32): Codebook {
  return changetype<Codebook>(<usize>load<u32>(books + (<usize>q << 2)));
}

// @ts-ignore: decorator
@inline
function align(address: usize): usize {
  return (address + 15) & ~15;
}

/** `rows` filled up to whole tiles of any shape. */
// @ts-ignore: decorator
@inline
function tiled(rows: usize): usize {
  return ((rows + 11) / 12) * 12;
}

/** The longest row of scores. */
function widest(books: usize, layers: i32): usize {
  let most: usize = 0;
  for (let q = 0; q < layers; ++q) most = max(most, scoreStride(bookOf(books, q)));
  return most;
}

function place(to: Sequences, free: usize, held: usize, dim: i32, layers: i32): usize {
  to.residuals = free;
  to.scores = align(free + (held * dim << 2));
  to.lengths = to.scores + (held << 3);
  to.paths = to.lengths + (held << 3);
  return align(to.paths + (held * layers << 2));
}

/** Whether all values of a row are finite and its squared length has room in f32. */
function fits(row: usize, dim: i32): bool {
  return isFiniteRow(row, dim) && squaredLength(row, dim) < 1e37;
}

/** One empty sequence for each row. Returns the number of rows that do not fit. */
function start(search: Search, to: Sequences, block: usize, count: i32): i32 {
  const dim = search.dim;
  const bytes = <usize>dim << 2;
  let bad = 0;
  to.width = 1;
  for (let r = 0; r < count; ++r) {
    const row = block + <usize>r * bytes;
    const residual = to.residuals + <usize>r * bytes;
    if (fits(row, dim)) memory.copy(residual, row, bytes);
    else {
      memory.fill(residual, 0, bytes);
      ++bad;
    }
    store<f64>(to.scores + (<usize>r << 3), 0);
    store<f64>(to.lengths + (<usize>r << 3), sqrt(squaredLength(residual, dim)));
  }
  return bad;
}

/** A layer whose scores are scanned for every sequence. */
function extendByScan(
  search: Search,
  book: Codebook,
  before: Sequences,
  after: Sequences,
  count: i32,
  q: i32,
  weight: f64,
): void {
  const width = before.width;
  const stride = scoreStride(book);
  const rows = count * width;
  packRows(
    before.residuals, rows, search.dim, book.mean, tileRows(book.shape), search.packed, search.norms,
  );
  scoreBlock(book, book.bias, search.packed, rows, search.scores, stride);
  for (let r = 0; r < count; ++r) {
    for (let j = 0; j < width; ++j) {
      const norm = <f64>load<f32>(search.norms + (<usize>(r * width + j) << 2));
      store<f64>(search.squares + (<usize>j << 3), norm);
      const length = sqrt(norm) * 1.0001;
      store<f64>(search.errors + (<usize>j << 3), margin(book, length, norm));
    }
    const scores = search.scores + <usize>(r * width) * stride;
    choose(search, book, before, scores, stride, r, after.width, weight);
    advance(search, book, before, after, r, q);
  }
}

/** A layer whose scores follow from the rows' own and the tables. */
function extendByTables(
  search: Search,
  book: Codebook,
  before: Sequences,
  after: Sequences,
  block: usize,
  count: i32,
  q: i32,
  weight: f64,
  tables: usize,
  shift: f64,
): void {
  const width = before.width;
  const stride = scoreStride(book);
  const dim = search.dim;
  packRows(block, count, dim, book.mean, tileRows(book.shape), search.packed, search.norms);
  scoreBlock(book, book.bias, search.packed, count, search.scores, stride);
  for (let r = 0; r < count; ++r) {
    addProducts(search, book, before, r, q, tables);
    for (let j = 0; j < width; ++j) {
      const h = <usize>(r * width + j);
      const square = <f64>squaredDistance(before.residuals + (h * dim << 2), book.mean, dim);
      store<f64>(search.squares + (<usize>j << 3), square);
      // Each product was rounded by itself, so the bound is of their lengths, not of the rest's.
      const length = (load<f64>(before.lengths + (h << 3)) + shift) * 1.0001;
      store<f64>(search.errors + (<usize>j << 3), 2 * margin(book, length, square));
    }
    choose(search, book, before, search.lines, stride, r, after.width, weight);
    advance(search, book, before, after, r, q);
  }
}

/** At most this far is a scanned score from half of what the rank uses, for any code. */
// @ts-ignore: decorator
@inline
function margin(book: Codebook, length: f64, square: f64): f64 {
  return scoreError(book, length, book.maxNorm) + book.unit * (square + book.maxNorm * book.maxNorm);
}

/**
 * Scores of row `r`'s sequences: `lines[j] = row's own - sum over i < q of table[i, q][path[j, i]]`.
 * Sequences are taken in the order of their codes, and what begins alike is added up once: towards
 * the last layers most sequences of a row differ in their last codes only.
 */
function addProducts(
  search: Search,
  book: Codebook,
  before: Sequences,
  r: i32,
  q: i32,
  tables: usize,
): void {
  const width = before.width;
  const layers = search.layers;
  const stride = scoreStride(book);
  const paths = before.paths + (<usize>(r * width * layers) << 2);
  sortPaths(search.sorted, paths, width, layers, q);
  const column = tables + (<usize>q << 2);
  let stem = search.scores + <usize>r * stride; // of the first `depth` codes
  let depth = 0;
  for (let s = 0; s < width; ++s) {
    const j = load<i32>(search.sorted + (<usize>s << 2));
    const path = paths + (<usize>(j * layers) << 2);
    let shared = 0; // leading codes that the next sequence has too
    if (s < width - 1) {
      const next = load<i32>(search.sorted + (<usize>(s + 1) << 2));
      shared = commonLength(path, paths + (<usize>(next * layers) << 2), q);
    }
    if (shared > depth) {
      const to = search.stems + <usize>shared * stride;
      subtractProducts(book, stem, path, depth, shared, layers, column, to);
      store<i32>(search.stemOf + (<usize>shared << 2), depth);
      stem = to;
      depth = shared;
    }
    subtractProducts(book, stem, path, depth, q, layers, column, search.lines + <usize>j * stride);
    while (depth > shared) depth = load<i32>(search.stemOf + (<usize>depth << 2));
    stem = depth == 0 ? search.scores + <usize>r * stride : search.stems + <usize>depth * stride;
  }
}

/** The order of the first `q` codes of `width` sequences, to `sorted`. */
function sortPaths(sorted: usize, paths: usize, width: i32, layers: i32, q: i32): void {
  for (let j = 0; j < width; ++j) {
    const path = paths + (<usize>(j * layers) << 2);
    let at = j;
    for (; at > 0; --at) {
      const other = load<i32>(sorted + (<usize>(at - 1) << 2));
      const compared = paths + (<usize>(other * layers) << 2);
      const same = commonLength(path, compared, q);
      if (same == q) break;
      const place = <usize>same << 2;
      if (load<i32>(compared + place) <= load<i32>(path + place)) break;
      store<i32>(sorted + (<usize>at << 2), other);
    }
    store<i32>(sorted + (<usize>at << 2), j);
  }
}

/** How many leading codes of `q` two sequences share. */
function commonLength(a: usize, b: usize, q: i32): i32 {
  let i = 0;
  while (i < q && load<i32>(a + (<usize>i << 2)) == load<i32>(b + (<usize>i << 2))) ++i;
  return i;
}

/** `to = from - sum over layers first <= i < last of table[i, q][path[i]]`. */
function subtractProducts(
  book: Codebook,
  from: usize,
  path: usize,
  first: i32,
  last: i32,
  layers: i32,
  column: usize,
  to: usize,
): void {
  const stride = tableStride(book);
  for (let at: usize = 0; at < stride; at += 32) {
    let s0 = v128.load(from + at);
    let s1 = v128.load(from + at, 16);
    for (let i = first; i < last; ++i) {
      const table = <usize>load<u32>(column + (<usize>(i * layers) << 2));
      const products = table + <usize>load<i32>(path + (<usize>i << 2)) * stride + at;
      s0 = f32x4.sub(s0, v128.load(products));
      s1 = f32x4.sub(s1, v128.load(products, 16));
    }
    v128.store(to + at, s0);
    v128.store(to + at, s1, 16);
  }
}

/** Sum of row[d]^2. */
function squaredLength(row: usize, dim: i32): f64 {
  let sum: f64 = 0;
  for (let d = 0; d < dim; ++d) {
    const v = <f64>load<f32>(row + (<usize>d << 2));
    sum += v * v;
  }
  return sum;
}

/**
 * The `wanted` best continuations of row `r`'s sequences, from `width` lines of scanned scores:
 * to `best`, `parents` and `codes`, best first.
 */
function choose(
  search: Search,
  book: Codebook,
  before: Sequences,
  lines: usize,
  stride: usize,
  r: i32,
  wanted: i32,
  weight: f64,
): void {
  const width = before.width;
  const codes = book.size;
  const best = search.best;
  const last = best + (<usize>(wanted - 1) << 3);

  // The least scanned scores: an estimate of the worst score that is kept.
  for (let i = 0; i < wanted; ++i) store<f64>(best + (<usize>i << 3), Infinity);
  for (let j = 0; j < width; ++j) {
    const base = baseScore(search, before, r, j, weight);
    const line = lines + <usize>j * stride;
    let limit = f32x4.splat(<f32>((load<f64>(last) - base) / (2 * weight)));
    for (let k = 0; k < codes; k += 4) {
      const scores = v128.load(line + (<usize>k << 2));
      const hits = f32x4.lt(scores, limit);
      if (!v128.any_true(hits)) continue;
      for (let l = k, n = min(k + 4, codes); l < n; ++l) {
        const score = base + 2 * weight * <f64>load<f32>(line + (<usize>l << 2));
        if (score < load<f64>(last)) insert(best, wanted, score);
      }
      limit = f32x4.splat(<f32>((load<f64>(last) - base) / (2 * weight)));
    }
  }
  const worst = load<f64>(last);
  let error: f64 = 0;
  for (let j = 0; j < width; ++j) error = max(error, load<f64>(search.errors + (<usize>j << 3)));

  // The candidates that this leaves, by their distances.
  for (let i = 0; i < wanted; ++i) store<f64>(best + (<usize>i << 3), Infinity);
  for (let j = 0; j < width; ++j) {
    const h = <usize>(r * width + j);
    const base = baseScore(search, before, r, j, weight);
    const line = lines + <usize>j * stride;
    const residual = before.residuals + (h * search.dim << 2);
    const carried = search.carry * load<f64>(before.scores + (h << 3));
    const bound =
      (worst - base) / (2 * weight) + error + load<f64>(search.errors + (<usize>j << 3));
    const limit = f32x4.splat(<f32>(bound + abs(bound) * 1e-6));
    for (let k = 0; k < codes; k += 4) {
      const hits = f32x4.le(v128.load(line + (<usize>k << 2)), limit);
      if (!v128.any_true(hits)) continue;
      for (let l = k, n = min(k + 4, codes); l < n; ++l) {
        if (load<f32>(line + (<usize>l << 2)) > f32x4.extract_lane(limit, 0)) continue;
        const code = book.codes + (<usize>(l * search.dim) << 2);
        const score = carried + weight * <f64>squaredDistance(residual, code, search.dim);
        if (!(score < load<f64>(last))) continue;
        const at = insert(best, wanted, score);
        put(search.parents, wanted, at, j);
        put(search.codes, wanted, at, l);
      }
    }
  }
}

/** A sequence's score so far and the part of the next distance that does not depend on the code. */
// @ts-ignore: decorator
@inline
function baseScore(search: Search, before: Sequences, r: i32, j: i32, weight: f64): f64 {
  const score = load<f64>(before.scores + (<usize>(r * before.width + j) << 3));
  return search.carry * score + weight * load<f64>(search.squares + (<usize>j << 3));
}

/** Puts `score` into the rising `list` of `count`, after its equals; returns its place. */
function insert(list: usize, count: i32, score: f64): i32 {
  let at = count - 1;
  while (at > 0 && score < load<f64>(list + (<usize>(at - 1) << 3))) {
    store<f64>(list + (<usize>at << 3), load<f64>(list + (<usize>(at - 1) << 3)));
    --at;
  }
  store<f64>(list + (<usize>at << 3), score);
  return at;
}

/** Puts `item` into the list at place `at`, moving up those behind it. */
function put(list: usize, count: i32, at: i32, item: i32): void {
  for (let i = count - 1; i > at; --i) {
    store<i32>(list + (<usize>i << 2), load<i32>(list + (<usize>(i - 1) << 2)));
  }
  store<i32>(list + (<usize>at << 2), item);
}

/** Makes the chosen continuations of row `r` its sequences. */
function advance(
  search: Search,
  book: Codebook,
  before: Sequences,
  after: Sequences,
  r: i32,
  q: i32,
): void {
  const dim = search.dim;
  const layers = search.layers;
  const bytes = <usize>dim << 2;
  for (let i = 0; i < after.width; ++i) {
    const k = load<i32>(search.codes + (<usize>i << 2));
    const from = <usize>(r * before.width + load<i32>(search.parents + (<usize>i << 2)));
    const to = <usize>(r * after.width + i);
    store<f64>(after.scores + (to << 3), load<f64>(search.best + (<usize>i << 3)));
    const path = after.paths + (to * layers << 2);
    memory.copy(path, before.paths + (from * layers << 2), <usize>q << 2);
    store<i32>(path + (<usize>q << 2), k);
    const code = book.codes + <usize>k * bytes;
    subtractRow(before.residuals + from * bytes, code, after.residuals + to * bytes, dim);
    store<f64>(after.lengths + (to << 3), load<f64>(before.lengths + (from << 3)) + search.longest);
  }
}

/**
 * Products of codes `begin` to `end` of one codebook with all codes of a later one, as the scan
 * gives them: `out[i, k] = -c_i . (d_k - mean)`, rows of `tableStride` bytes. `zeros` (f32) is as
 * long as a row of `out` or of codes. `scratch` holds 96 * (4 * D + 4) bytes. Returns 0.
 */
export function codeProducts(
  begin: i32,
  end: i32,
  scratch: usize,
  from: Codebook,
  to: Codebook,
  zeros: usize,
  out: usize,
): i32 {
  const dim = to.dim;
  const stride = tableStride(to);
  const packed = scratch + 96 * 4;
  const height = tileRows(to.shape);
  for (let first = begin; first < end; first += 96) {
    const count = min(96, end - first);
    const rows = from.codes + (<usize>first * dim << 2);
    packRows(rows, count, dim, zeros, height, packed, scratch);
    scoreBlock(to, zeros, packed, count, out + <usize>first * stride, stride);
  }
  return 0;
}
