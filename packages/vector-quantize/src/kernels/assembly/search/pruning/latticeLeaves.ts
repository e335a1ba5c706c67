/** Rows of `lattice.ts` on their way to the leaves that may hold their nearest code. */
import { Codebook } from "../packedCodebook";
import { KdTree, LEAF, Lattice } from "./filterCodebook";
import {
  BEST, FEATURES, LEAST, leastInAll, MOST, OFFSET, PAIRS, POINT, Point, Round, roundedUp, UNSEEN,
} from "./latticeRound";
import { errorOf, scoresOf } from "./latticeWinner";
import { horizontalMin } from "../winner";

/** Bytes of a leaf's codes and of its biases. */
export const LEAF_CODES: usize = <usize>(LEAF * FEATURES);
export const LEAF_BIASES: usize = <usize>(LEAF * 2);
/** A number of a row this large or less is rounded to one of 6 bits and a sign. */
const MOST_OF_ROW: f32 = 63.4;
/** At least what a squared length in f32 of up to eight numbers is to be multiplied by, not to be too small. */
const ROUNDED: f32 = 1.000004;
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

/** Lists the nearest of the even leaves and of the odd ones for each row, and puts down how far the farther one is. */
export function seed(lattice: Lattice, round: Round): void {
  listPairs(round, lattice.boxes, lattice.leaves, round.leaves, round.owners);
}

/**
 * How far `count` boxes are from each row, squared, to its gaps. Lists the nearest at an even place and that at an odd
 * one, takes them out of the gaps, and puts down how far the farther one is.
 */
export function listPairs(
  round: Round,
  boxes: usize,
  count: i32,
  pairs: usize,
  owners: usize,
): void {
  const line = <usize>count << 1;
  let gaps = round.gaps;
  for (let i = 0; i < round.count; ++i) {
    const at = round.points + <usize>i * POINT;
    const pair = nearestPair(at, boxes, count, gaps);
    store<u32>(pairs + (<usize>i << 2), pair);
    store<u32>(owners + (<usize>i << 2), i * (<i32>POINT * 0x10001));
    const a = takeOut(gaps, pair & 0xffff);
    changetype<Point>(at).limit = max(a, takeOut(gaps, pair >>> 16));
    gaps += line;
  }
}

/** Takes a number (i16) out of those that will be listed if they are small. */
// @ts-ignore: decorator
@inline
export function takeOut(numbers: usize, place: i32): i32 {
  const at = numbers + (<usize>place << 1);
  const number = <i32>load<i16>(at);
  store<i16>(at, <i16>MOST);
  return number;
}

/** The distances of a point to `gaps`; returns the nearest at an even place, and that at an odd one above it. */
// @ts-ignore: decorator
@inline
function nearestPair(at: usize, boxes: usize, count: i32, gaps: usize): i32 {
  const x0 = v128.load32_splat(at, PAIRS);
  const x1 = v128.load32_splat(at, PAIRS + 4);
  const x2 = v128.load32_splat(at, PAIRS + 8);
  const x3 = v128.load32_splat(at, PAIRS + 12);
  let nearest = i16x8.splat(<i16>MOST);
  let places = i16x8.splat(0);
  let place = places;
  const end = gaps + (<usize>count << 1);
  for (let to = gaps; to != end; to += 16) {
    const sum = gapsOf(boxes, x0, x1, x2, x3);
    v128.store(to, sum);
    places = select(place, places, i16x8.lt_s(sum, nearest));
    nearest = i16x8.min_s(nearest, sum);
    place = i16x8.add(place, i16x8.splat(8));
    boxes += 128;
  }
  let pair = i16x8.min_s(nearest, v128.shuffle<i32>(nearest, nearest, 2, 3, 0, 1));
  pair = i16x8.min_s(pair, v128.shuffle<i32>(pair, pair, 1, 0, 3, 2));
  const lanes = i16x8.bitmask(i16x8.eq(pair, nearest));
  v128.store(at, places, LEAST);
  const found = placeIn(at, ctz(lanes & 0x55)) | (placeIn(at, ctz(lanes & 0xaa)) << 16);
  v128.store(at, i16x8.splat(<i16>MOST), LEAST);
  return found;
}

/** The squared distances to eight boxes. */
// @ts-ignore: decorator
@inline
export function gapsOf(box: usize, x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  let sum = squaredGap(x0, v128.load(box), v128.load(box, 16));
  sum = i16x8.add_sat_s(sum, squaredGap(x1, v128.load(box, 32), v128.load(box, 48)));
  sum = i16x8.add_sat_s(sum, squaredGap(x2, v128.load(box, 64), v128.load(box, 80)));
  return i16x8.add_sat_s(sum, squaredGap(x3, v128.load(box, 96), v128.load(box, 112)));
}

/**
 * How near others must be than the two leaves of each row that have been visited. The group of the nearest code there
 * is the first that is looked at in f32.
 */
export function setLimits(book: Codebook, tree: KdTree, lattice: Lattice, round: Round): void {
  for (let i = 0; i < round.count; ++i) {
    const at = round.points + <usize>i * POINT;
    const leasts = round.leasts + (<usize>i << 5);
    const lane = leastLane(v128.load(leasts), v128.load(leasts, 16));
    const score = takeOut(leasts, lane);
    const leaf = <i32>load<u16>(round.leaves + (<usize>i << 2) + (<usize>(lane >> 3) << 1));
    // Past the last code there are no floats; the limit holds for whatever codes it is made of.
    const group = score == MOST ? 0 : leaf * 8 + (lane & 7);
    store<u16>(round.groups + (<usize>i << 1), <u16>group);
    store<u16>(round.groupOwners + (<usize>i << 1), <u16>(i * <i32>POINT));
    const scores = scoresOf(tree, book.dim, group, at);
    v128.store(at, scores, BEST);
    v128.store(at, i32x4.splat(group), BEST + 16);
    v128.store(at, f32x4.splat(UNSEEN), BEST + 32);

    const point = changetype<Point>(at);
    const error = errorOf(lattice, point.norm);
    const square = point.norm * ROUNDED + error + 2 * f32x4.extract_lane(horizontalMin(scores), 0);
    const far = lattice.scale * sqrt(max(<f32>0, square)) + point.error;
    const limit = roundedUp(far * far);
    const farther = <f32>point.limit;
    const fits = max(limit, farther) <= roomOf(lattice, point.length);
    point.limit = fits ? <i32>limit : -1; // no code is near enough
    if (!fits) point.norm = NaN; // the row stays open
  }
}

/** The first lane of the least number of `a` and `b`; those of `b` come after those of `a`. */
// @ts-ignore: decorator
@inline
function leastLane(a: v128, b: v128): i32 {
  const least = leastInAll(i16x8.min_s(a, b));
  const isLeast = i8x16.narrow_i16x8_s(i16x8.eq(a, least), i16x8.eq(b, least));
  return <i32>ctz(i8x16.bitmask(isLeast));
}

/** The place of a lane, of those that lie at `LEAST`. */
// @ts-ignore: decorator
@inline
function placeIn(at: usize, lane: i32): i32 {
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

/** The squares of how far two features `x` are outside of eight boxes, summed. */
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
function leastOf(c: usize, b: usize, x0: v128, x1: v128, x2: v128, x3: v128): v128 {
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
  const end = listNear(lattice, round, lattice.leaves, round.leaves, round.owners);
  round.visits = <i32>(end - round.leaves >> 1);
}

/**
 * Lists the places of all rows' `count` gaps that are near enough, and their points, after the two of each row that
 * are listed; returns the end of the list.
 */
export function listNear(
  lattice: Lattice,
  round: Round,
  count: i32,
  places: usize,
  owners: usize,
): usize {
  const line = <usize>count << 1;
  let gaps = round.gaps;
  let to = places + (<usize>round.count << 2);
  owners += <usize>round.count << 2;
  for (let i = 0; i < round.count; ++i) {
    const owner = i16x8.splat(<i16>(i * <i32>POINT));
    const point = changetype<Point>(round.points + <usize>i * POINT);
    const above = i16x8.splat(<i16>(point.limit + 1));
    let place = i16x8.splat(0);
    const end = gaps + line;
    do {
      const open = i16x8.bitmask(i16x8.lt_s(v128.load(gaps), above));
      v128.store(to, i16x8.add(v128.load(lattice.table + (<usize>open << 4)), place));
      v128.store(owners, owner);
      const more = <usize>popcnt(open) << 1;
      to += more;
      owners += more;
      place = i16x8.add(place, i16x8.splat(8));
      gaps += 16;
    } while (gaps != end);
  }
  return to;
}

/** The least scores of the listed leaves from place `first` to `last`, and those of their rows. */
export function visitLeaves(lattice: Lattice, round: Round, first: i32, last: i32): void {
  const points = round.points;
  let leaves = round.leaves + (<usize>first << 1);
  let owners = round.owners + (<usize>first << 1);
  const codes = lattice.codes;
  const biases = lattice.biases;
  const end = round.leasts + (<usize>last << 4);
  for (let to = round.leasts + (<usize>first << 4); to != end; to += 16) {
    const at = points + <usize>load<u16>(owners);
    const x0 = v128.load32_splat(at, PAIRS);
    const x1 = v128.load32_splat(at, PAIRS + 4);
    const x2 = v128.load32_splat(at, PAIRS + 8);
    const x3 = v128.load32_splat(at, PAIRS + 12);
    const leaf = <usize>load<u16>(leaves);
    const least = leastOf(codes + leaf * LEAF_CODES, biases + leaf * LEAF_BIASES, x0, x1, x2, x3);
    v128.store(to, least);
    v128.store(at, i16x8.min_s(least, v128.load(at, LEAST)), LEAST);
    leaves += 2;
    owners += 2;
  }
}
