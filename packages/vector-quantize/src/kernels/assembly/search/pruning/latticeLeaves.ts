/** Rows of `lattice.ts` on their way to the leaves that may hold their nearest code. */
import { Codebook } from "../packedCodebook";
import { LEAF, Lattice } from "./filterCodebook";
import {
  BEST, FEATURES, LEAST, limitOf, MOST, OFFSET, PAIRS, POINT, Point, Round, UNSEEN,
} from "./latticeRound";

/** Bytes of a leaf's codes and of its biases. */
export const LEAF_CODES: usize = <usize>(LEAF * FEATURES);
export const LEAF_BIASES: usize = <usize>(LEAF * 2);
/** A number of a row this large or less is rounded to one of 6 bits and a sign. */
const MOST_OF_ROW: f32 = 63.4;
/** Bounds the rounding of a row's numbers, and those of the codes, in f32. */
const SLACK: f32 = 0.001;

/** A row to its `Point` at `to`. */
export function place(book: Codebook, lattice: Lattice, row: usize, to: usize): void {
  copyRow(row, book, to);
  const low = v128.load(to);
  const high = v128.load(to, 16);
  const scale = f32x4.splat(lattice.scale);
  const u0 = f32x4.mul(f32x4.sub(low, v128.load(lattice.center)), scale);
  const u1 = f32x4.mul(f32x4.sub(high, v128.load(lattice.center, 16)), scale);
  const most = f32x4.splat(MOST_OF_ROW);
  const within = v128.and(f32x4.le(f32x4.abs(u0), most), f32x4.le(f32x4.abs(u1), most));
  const r0 = f32x4.nearest(u0);
  const r1 = f32x4.nearest(u1);
  const point = changetype<Point>(to);
  point.error = sqrt(squares(f32x4.sub(u0, r0), f32x4.sub(u1, r1))) + lattice.rest + SLACK;
  point.length = squares(r0, r1); // exact
  const norm = squares(low, high);
  const usable = <i32>i32x4.all_true(within) & <i32>(norm > 1e-30) & <i32>(norm < 1e30);
  point.norm = usable ? norm : NaN;
  const words = i16x8.narrow_i32x4_s(truncated(r0), truncated(r1));
  const offset = i16x8.add(words, i16x8.splat(<i16>OFFSET));
  // 7 bits for rows off the lattice, too.
  const bytes = v128.and(i8x16.narrow_i16x8_s(offset, offset), i8x16.splat(127));
  v128.store(to, v128.shuffle<i16>(bytes, bytes, 0, 0, 1, 1, 2, 2, 3, 3), PAIRS);
  const unseen = f32x4.splat(UNSEEN);
  v128.store(to, unseen, BEST);
  v128.store(to, i32x4.splat(0), BEST + 16);
  v128.store(to, unseen, BEST + 32);
}

/** A row less the mean, filled up with zeros. */
// @ts-ignore: decorator
@inline
function copyRow(row: usize, book: Codebook, to: usize): void {
  const dim = book.dim;
  if (dim == FEATURES) {
    v128.store(to, f32x4.sub(v128.load(row), v128.load(book.mean)));
    v128.store(to, f32x4.sub(v128.load(row, 16), v128.load(book.mean, 16)), 16);
    return;
  }
  for (let d = 0; d < FEATURES; ++d) {
    const at = <usize>d << 2;
    store<f32>(to + at, d < dim ? load<f32>(row + at) - load<f32>(book.mean + at) : 0);
  }
}

/** The sum of the squares of eight numbers. */
// @ts-ignore: decorator
@inline
function squares(low: v128, high: v128): f32 {
  const a = f32x4.add(f32x4.mul(low, low), f32x4.mul(high, high));
  const b = f32x4.add(a, v128.shuffle<f32>(a, a, 2, 3, 0, 1));
  return f32x4.extract_lane(b, 0) + f32x4.extract_lane(b, 1);
}

// @ts-ignore: decorator
@inline
function truncated(a: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_trunc_f32x4_s(a);
  return i32x4.trunc_sat_f32x4_s(a);
}

/** Lanes of `a` where `mask` is all ones, else of `b`. */
// @ts-ignore: decorator
@inline
function select(a: v128, b: v128, mask: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_laneselect(a, b, mask);
  return v128.bitselect(a, b, mask);
}

/**
 * How far the boxes of all leaves are from row `i`, squared, to `gaps`; visits the nearest of the even leaves and of
 * the odd ones, and tells how near others must be.
 */
export function seed(lattice: Lattice, round: Round, i: i32, gaps: usize): void {
  const at = round.points + <usize>i * POINT;
  const x0 = v128.load32_splat(at, PAIRS);
  const x1 = v128.load32_splat(at, PAIRS + 4);
  const x2 = v128.load32_splat(at, PAIRS + 8);
  const x3 = v128.load32_splat(at, PAIRS + 12);
  let nearest = i16x8.splat(<i16>MOST);
  let places = i16x8.splat(0);
  let leaf = places;
  let box = lattice.boxes;
  const end = gaps + (<usize>lattice.leaves << 1);
  for (let to = gaps; to != end; to += 16) {
    let sum = squaredGap(x0, v128.load(box), v128.load(box, 16));
    sum = i16x8.add_sat_s(sum, squaredGap(x1, v128.load(box, 32), v128.load(box, 48)));
    sum = i16x8.add_sat_s(sum, squaredGap(x2, v128.load(box, 64), v128.load(box, 80)));
    sum = i16x8.add_sat_s(sum, squaredGap(x3, v128.load(box, 96), v128.load(box, 112)));
    v128.store(to, sum);
    places = select(leaf, places, i16x8.lt_s(sum, nearest));
    nearest = i16x8.min_s(nearest, sum);
    leaf = i16x8.add(leaf, i16x8.splat(8));
    box += 128;
  }
  let pair = i16x8.min_s(nearest, v128.shuffle<i32>(nearest, nearest, 2, 3, 0, 1));
  pair = i16x8.min_s(pair, v128.shuffle<i32>(pair, pair, 1, 0, 3, 2));
  const lanes = i16x8.bitmask(i16x8.eq(pair, nearest));
  v128.store(at, places, LEAST);
  const even = leafIn(at, ctz(lanes & 0x55));
  const odd = leafIn(at, ctz(lanes & 0xaa));
  store<i16>(gaps + (<usize>even << 1), <i16>MOST);
  store<i16>(gaps + (<usize>odd << 1), <i16>MOST);
  store<u32>(round.leaves + (<usize>i << 2), even | (odd << 16));
  store<u32>(round.owners + (<usize>i << 2), i * (<i32>POINT * 0x10001));
  const a = leastOf(lattice, even, x0, x1, x2, x3);
  const b = leastOf(lattice, odd, x0, x1, x2, x3);
  v128.store(round.leasts + (<usize>i << 5), a);
  v128.store(round.leasts + (<usize>i << 5), b, 16);
  const least = i16x8.min_s(a, b);
  v128.store(at, least, LEAST);

  const point = changetype<Point>(at);
  const limit = limitOf(least, point);
  const farther = max(i16x8.extract_lane_s(pair, 0), i16x8.extract_lane_s(pair, 1));
  const fits = max(limit, <f32>farther) <= roomOf(lattice, point.length);
  point.limit = fits ? <i32>limit : -1; // no code is near enough: the row stays open
}

/** The leaf of a lane, of those that lie at `LEAST`. */
// @ts-ignore: decorator
@inline
function leafIn(at: usize, lane: i32): i32 {
  return <i32>load<u16>(at + (<usize>lane << 1), LEAST) + lane;
}

/** The scores of all codes of leaves that are not farther than this, squared, fit in 16 bits. */
// @ts-ignore: decorator
@inline
function roomOf(lattice: Lattice, length: f32): f32 {
  if (length <= lattice.free) return <f32>(MOST - 1);
  const reach = max(<f32>0, sqrt(<f32>(MOST - 1) + length) - lattice.diagonal);
  return min(<f32>(MOST - 1), reach * reach);
}

/** The squares of how far two features `x` are outside of the boxes of eight leaves, summed. */
// @ts-ignore: decorator
@inline
function squaredGap(x: v128, low: v128, high: v128): v128 {
  const gap = v128.or(i8x16.sub_sat_u(low, x), i8x16.sub_sat_u(x, high));
  return dot(gap, gap);
}

/** Sums of two products each: of 8 bits, and of 7 bits without a sign. */
// @ts-ignore: decorator
@inline
function dot(a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_dot<i16>(a, b);
  const first = i16x8.mul(i16x8.shr_s(i16x8.shl(a, 8), 8), i16x8.shr_s(i16x8.shl(b, 8), 8));
  return i16x8.add(first, i16x8.mul(i16x8.shr_s(a, 8), i16x8.shr_s(b, 8)));
}

/** The least score of each group of a leaf: of four codes, a lane of as many vectors. */
// @ts-ignore: decorator
@inline
function leastOf(lattice: Lattice, leaf: i32, x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  const c = lattice.codes + <usize>leaf * LEAF_CODES;
  const b = lattice.biases + <usize>leaf * LEAF_BIASES;
  let s0 = i16x8.add(v128.load(b), dot(v128.load(c), x0));
  s0 = i16x8.add(s0, dot(v128.load(c, 16), x1));
  s0 = i16x8.add(s0, dot(v128.load(c, 32), x2));
  s0 = i16x8.add(s0, dot(v128.load(c, 48), x3));
  let s1 = i16x8.add(v128.load(b, 16), dot(v128.load(c, 64), x0));
  s1 = i16x8.add(s1, dot(v128.load(c, 80), x1));
  s1 = i16x8.add(s1, dot(v128.load(c, 96), x2));
  s1 = i16x8.add(s1, dot(v128.load(c, 112), x3));
  let s2 = i16x8.add(v128.load(b, 32), dot(v128.load(c, 128), x0));
  s2 = i16x8.add(s2, dot(v128.load(c, 144), x1));
  s2 = i16x8.add(s2, dot(v128.load(c, 160), x2));
  s2 = i16x8.add(s2, dot(v128.load(c, 176), x3));
  let s3 = i16x8.add(v128.load(b, 48), dot(v128.load(c, 192), x0));
  s3 = i16x8.add(s3, dot(v128.load(c, 208), x1));
  s3 = i16x8.add(s3, dot(v128.load(c, 224), x2));
  s3 = i16x8.add(s3, dot(v128.load(c, 240), x3));
  return i16x8.min_s(i16x8.min_s(s0, s1), i16x8.min_s(s2, s3));
}

/** Lists the leaves that are near enough, after the two of each row that have been visited. */
export function listLeaves(lattice: Lattice, round: Round): void {
  const line = <usize>lattice.leaves << 1;
  const table = lattice.table;
  let gaps = round.gaps;
  let to = round.leaves + (<usize>round.count << 2);
  let owners = round.owners + (<usize>round.count << 2);
  for (let i = 0; i < round.count; ++i) {
    const owner = i16x8.splat(<i16>(i * <i32>POINT));
    const point = changetype<Point>(round.points + <usize>i * POINT);
    const above = i16x8.splat(<i16>(point.limit + 1));
    let leaf = i16x8.splat(0);
    const end = gaps + line;
    do {
      const open = i16x8.bitmask(i16x8.lt_s(v128.load(gaps), above));
      v128.store(to, i16x8.add(v128.load(table + (<usize>open << 4)), leaf));
      v128.store(owners, owner);
      const more = <usize>popcnt(open) << 1;
      to += more;
      owners += more;
      leaf = i16x8.add(leaf, i16x8.splat(8));
      gaps += 16;
    } while (gaps != end);
  }
  round.visits = <i32>(to - round.leaves >> 1);
}

/** The least scores of the listed leaves, and those of each row. */
export function visitLeaves(lattice: Lattice, round: Round): void {
  const points = round.points;
  const done = <usize>round.count << 1;
  let leaves = round.leaves + (done << 1);
  let owners = round.owners + (done << 1);
  const end = round.leasts + (<usize>round.visits << 4);
  for (let to = round.leasts + (done << 4); to != end; to += 16) {
    const at = points + <usize>load<u16>(owners);
    const x0 = v128.load32_splat(at, PAIRS);
    const x1 = v128.load32_splat(at, PAIRS + 4);
    const x2 = v128.load32_splat(at, PAIRS + 8);
    const x3 = v128.load32_splat(at, PAIRS + 12);
    const least = leastOf(lattice, <i32>load<u16>(leaves), x0, x1, x2, x3);
    v128.store(to, least);
    v128.store(at, i16x8.min_s(least, v128.load(at, LEAST)), LEAST);
    leaves += 2;
    owners += 2;
  }
}
