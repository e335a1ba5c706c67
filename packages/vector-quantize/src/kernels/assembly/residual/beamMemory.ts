/** What a beam search keeps in scratch memory, and where. */
import { Codebook } from "../search/packedCodebook";
import { panelCodes } from "../search/tiles";

/** The widest beam. */
const MOST: i32 = 16;

/** A block's sequences, before or after a layer. */
@unmanaged
export class Sequences {
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

/** The sizes of a call, and where its arrays lie. */
@unmanaged
export class Search {
  /** Room for the sequences before and after a layer, by turns. */
  first: Sequences;
  second: Sequences;
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

/** Lays a search out in scratch memory, but for `carry` and `longest`, which it does not know. */
export function placeSearch(
  scratch: usize,
  books: usize,
  layers: i32,
  beam: i32,
  blockRows: i32,
): Search {
  const dim = bookOf(books, 0).dim;
  const held = <usize>blockRows * beam;
  const search = changetype<Search>(scratch);
  search.first = changetype<Sequences>(scratch + 128);
  search.second = changetype<Sequences>(scratch + 192);
  search.sorted = scratch + 896;
  search.dim = dim;
  search.layers = layers;
  search.beam = beam;
  search.best = scratch + 256;
  search.parents = search.best + 8 * MOST;
  search.codes = search.parents + 4 * MOST;
  search.errors = search.codes + 4 * MOST;
  search.squares = search.errors + 8 * MOST;
  let free = scratch + 1024;
  free = place(search.first, free, held, dim, layers);
  free = place(search.second, free, held, dim, layers);
  search.norms = free;
  free = align(free + (tiled(held) << 2));
  search.packed = free;
  free = align(free + tiled(held) * (<usize>dim << 2));
  search.lines = free;
  free = align(free + <usize>beam * widest(books, layers));
  search.stems = free;
  free = align(free + <usize>layers * widest(books, layers));
  search.stemOf = free;
  free = align(free + (<usize>layers << 2));
  search.scores = free;
  return search;
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

/** Lays sequences out from `free` on. Returns where the memory behind them begins. */
function place(to: Sequences, free: usize, held: usize, dim: i32, layers: i32): usize {
  to.residuals = free;
  to.scores = align(free + (held * dim << 2));
  to.lengths = to.scores + (held << 3);
  to.paths = to.lengths + (held << 3);
  return align(to.paths + (held * layers << 2));
}

/** The codebook of layer `q`. */
// @ts-ignore: decorator
@inline
export function bookOf(books: usize, q: i32): Codebook {
  return changetype<Codebook>(<usize>load<u32>(books + (<usize>q << 2)));
}

/** The bytes between the rows of scanned scores: an odd number of cache lines. */
// @ts-ignore: decorator
@inline
export function scoreStride(book: Codebook): usize {
  const bytes = <usize>book.panels * panelCodes(book.shape) * 4;
  return ((bytes + 63) >> 6 | 1) << 6;
}

/** The longest row of scores. */
function widest(books: usize, layers: i32): usize {
  let most: usize = 0;
  for (let q = 0; q < layers; ++q) most = max(most, scoreStride(bookOf(books, q)));
  return most;
}

/** `rows` filled up to whole tiles of any shape. */
// @ts-ignore: decorator
@inline
function tiled(rows: usize): usize {
  return ((rows + 11) / 12) * 12;
}

/** `address`, or the next one that is a multiple of 16. */
// @ts-ignore: decorator
@inline
function align(address: usize): usize {
  return (address + 15) & ~15;
}
