/** Scores of a row's sequences from tables of products between the codes of two layers. */
import { scoreStride, Search, Sequences } from "./beamMemory";
import { Codebook } from "../search/packedCodebook";
import { packRows } from "../search/rows";
import { scoreBlock } from "../search/scores";
import { panelCodes, tileRows } from "../search/tiles";

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

/**
 * Scores of row `r`'s sequences: `lines[j] = row's own - sum over i < q of table[i, q][path[j, i]]`.
 * Sequences are taken in the order of their codes, and what begins alike is added up once: towards
 * the last layers most sequences of a row differ in their last codes only.
 */
export function addProducts(
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

/** The bytes between the rows of a table for the codebook: a multiple of 16. */
// @ts-ignore: decorator
@inline
function tableStride(book: Codebook): usize {
  return <usize>book.panels * panelCodes(book.shape) * 4;
}
