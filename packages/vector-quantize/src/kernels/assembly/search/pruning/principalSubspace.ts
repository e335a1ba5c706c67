/**
 * Rows and codes in the principal subspace of the codes: as seen along a few directions.
 *
 * Along orthonormal axes Q no two vectors are farther apart than they are: |Q^T (x - c)| <= |x - c|.
 * So a code whose projection is farther from the row's than the leader is from the row can't be the
 * nearest, and scores of projections, sums over a few numbers instead of all features, leave it out.
 * They are computed in f32 and rounded to 16 bits. For inner products and cosines the row is scaled
 * to the length L of the longest code (1 for cosines): |x - c|^2 <= 2 L^2 - 2 x . c, which is worth
 * something if the others are nearly as long.
 */
import { Codebook, METRIC_EUCLIDEAN } from "../packedCodebook";
import { GROUP, PrincipalSubspace, ROW, Row } from "./filterCodebook";
import { packFilterRow } from "./filterRows";
import { packRows } from "../rows";
import { scoreBlock } from "../scores";
import { panelCodes, tileRows } from "../tiles";
import { lengthBound, longestCode } from "../values";

/** Largest score, with some room for rounding. */
const MOST: f64 = 32700;

/** The bytes between projected rows: a multiple of 16. */
// @ts-ignore: decorator
@inline
export function projectionStride(axes: Codebook): usize {
  return <usize>axes.panels * panelCodes(axes.shape) * 4;
}

/**
 * Minus the products of `count` rows, less the mean, with each axis: f32 [count, axes] to `out`, with
 * `projectionStride` bytes between rows. `norms` (f32) and `packed` (f32): see `packRows`.
 */
export function project(
  book: Codebook,
  axes: Codebook,
  rows: usize,
  count: i32,
  norms: usize,
  packed: usize,
  out: usize,
): void {
  packRows(rows, count, book.dim, book.mean, tileRows(axes.shape), packed, norms);
  scoreBlock(axes, axes.bias, packed, count, out, projectionStride(axes));
}

/**
 * Projects `count` rows, at most `GROUP`: f32 [count, axes] to `out`, 12 bytes more may be written, and
 * their squared lengths less the mean to `norms` (f32). `scratch` holds GROUP * (4 * D + stride) bytes.
 */
export function projectRows(
  book: Codebook,
  subspace: PrincipalSubspace,
  rows: usize,
  count: i32,
  norms: usize,
  out: usize,
  scratch: usize,
): void {
  const axes = subspace.axes;
  const stride = projectionStride(axes);
  const tiles = scratch + GROUP * stride;
  project(book, axes, rows, count, norms, tiles, scratch);
  const bytes = <usize>axes.size << 2;
  for (let r = 0; r < count; ++r) {
    const from = scratch + <usize>r * stride;
    if (book.metric != METRIC_EUCLIDEAN) {
      const norm = <f64>load<f32>(norms + (<usize>r << 2));
      scale(from, axes.size, <f32>(longestCode(book) / sqrt(norm)));
    }
    memory.copy(out + <usize>r * bytes, from, bytes);
  }
}

/** Begins the `Row`s of `count` projected rows, and packs them for `scanProjections`. */
export function packProjected(
  subspace: PrincipalSubspace,
  projected: usize,
  norms: usize,
  count: i32,
  packed: usize,
  states: usize,
  scratch: usize,
): void {
  const codes = subspace.codes;
  packRows(projected, count, codes.dim, codes.mean, tileRows(codes.shape), packed, scratch);
  for (let r = 0; r < count; ++r) {
    const state = changetype<Row>(states + <usize>r * ROW);
    state.begin();
    state.norm = load<f32>(norms + (<usize>r << 2));
    state.seen = load<f32>(scratch + (<usize>r << 2));
    const length = lengthBound(codes, state.seen) * codes.maxNorm;
    const square = codes.maxNorm * codes.maxNorm;
    state.factor = <f32>(MOST / (length + 0.5 * square));
    state.scale = <f64>state.factor;
    if (!(isBounded(state.norm) && state.factor < 1e30)) {
      state.kept = -1;
      state.factor = 0;
    }
    // Rounding to an integer, and in f32 before it.
    state.error = 0.6 + state.scale * 2 * codes.unit * (length + square);
  }
}

/** Begins the `Row`s of `count` projected rows, and packs them for `scanWindow`. */
export function packProjectedIntegers(
  subspace: PrincipalSubspace,
  projected: usize,
  norms: usize,
  count: i32,
  packed: usize,
  states: usize,
): void {
  const codes = subspace.codes;
  for (let r = 0; r < count; ++r) {
    const state = changetype<Row>(states + <usize>r * ROW);
    const row = projected + (<usize>(r * codes.dim) << 2);
    packFilterRow(codes, subspace.integers, row, packed, r, state);
    state.norm = load<f32>(norms + (<usize>r << 2));
    state.margin = -1; // the nearest projection need not be the nearest code's
    if (!isBounded(state.norm)) state.kept = -1;
  }
}

/** Whether bounds of the rounding hold for a row of this squared length. */
// @ts-ignore: decorator
@inline
function isBounded(norm: f32): bool {
  return norm > 1e-30 && norm < 1e30;
}

function scale(row: usize, dim: i32, factor: f32): void {
  for (let d = 0; d < dim; ++d) {
    const at = row + (<usize>d << 2);
    store<f32>(at, load<f32>(at) * factor);
  }
}

/**
 * At most this is the squared distance between the projections of a row and of any code that is at
 * least as near as one of this `values` entry.
 */
export function projectedDistance(
  book: Codebook,
  subspace: PrincipalSubspace,
  state: Row,
  value: f64,
): f64 {
  const length = lengthBound(book, state.norm);
  let square: f64;
  let lengths: f64;
  if (book.metric == METRIC_EUCLIDEAN) {
    square = value * (1 + 2 * book.unit) + book.tiny;
    lengths = length + book.maxNorm;
  } else {
    const longest = longestCode(book);
    const product = -(value + book.unit * length * book.maxNorm + book.tiny);
    // Scaling misses the length by a few rounding errors.
    const all = longest * longest * (2 + 4 * book.unit + 1e-5);
    square = max(0, all - 2 * longest * (product / sqrt(<f64>state.norm)));
    lengths = 2.001 * longest;
  }
  const reach = subspace.stretch * sqrt(square) + subspace.slack * lengths;
  return reach * reach * 1.000001;
}
