/** Rows of `lattice.ts`, whose leaves are known, on their way to their nearest code. */
import { Codebook } from "../packedCodebook";
import { KdTree, LEAF, Lattice } from "./filterCodebook";
import { BEST, GROUPS, LEAST, limitOf, MOST, POINT, Point, Round } from "./latticeRound";
import { nmadd, take } from "../tiles";
import { exactValue } from "../values";
import { horizontalMin } from "../winner";

/** Bytes from one feature of a leaf's codes to the next. */
const NEXT: usize = <usize>(LEAF * 4);

/** Lists the groups of codes that may hold a row's nearest one, after the one of each row that has been looked at. */
export function listGroups(lattice: Lattice, round: Round): void {
  setBounds(round);
  const hitsEnd = listHits(round);
  const owners = round.owners;
  let kept = <usize>round.count;
  for (let from = round.hits; from != hitsEnd; from += 2) {
    const i = <usize>load<u16>(from);
    const owner = load<u16>(owners + (i << 1));
    const at = round.points + <usize>owner;
    if (kept > <usize>(GROUPS - 8)) {
      changetype<Point>(at).norm = NaN;
      continue;
    }
    const least = v128.load(round.leasts + (i << 4));
    const near = i16x8.bitmask(i16x8.lt_s(least, v128.load(at, LEAST)));
    const first = i16x8.splat(<i16>(load<u16>(round.leaves + (i << 1)) << 3));
    const places = v128.load(lattice.table + (<usize>near << 4));
    v128.store(round.groups + (kept << 1), i16x8.add(places, first));
    v128.store(round.groupOwners + (kept << 1), i16x8.splat(<i16>owner));
    kept += <usize>popcnt(near);
  }
  round.kept = <i32>kept;
}

/** The number that near scores are below, of each row; below none where no answer can be given. */
// @ts-ignore: decorator
@inline
function setBounds(round: Round): void {
  for (let i = 0; i < round.count; ++i) {
    const at = round.points + <usize>i * POINT;
    const point = changetype<Point>(at);
    const limit = min(<f32>point.limit, limitOf(v128.load(at, LEAST), point));
    const most = <i32>(limit - point.length);
    const above = point.limit < 0 ? -MOST - 1 : max(-MOST, most + 1);
    v128.store(at, i16x8.splat(<i16>above), LEAST);
  }
}

/** Lists the visits that found near codes; returns the end of the list. */
// @ts-ignore: decorator
@inline
function listHits(round: Round): usize {
  const points = round.points;
  const end = round.leasts + (<usize>round.visits << 4);
  let owners = round.owners;
  let hit = round.hits;
  let i = 0;
  for (let from = round.leasts; from != end; from += 16) {
    const isNear = i16x8.lt_s(v128.load(from), v128.load(points + <usize>load<u16>(owners), LEAST));
    store<u16>(hit, <u16>i);
    hit += <usize>v128.any_true(isNear) << 1;
    owners += 2;
    ++i;
  }
  return hit;
}

/** The scores of the listed groups' codes in f32, to their rows, after the first group of each. */
export function scoreGroups(tree: KdTree, dim: i32, round: Round): void {
  const points = round.points;
  let owners = round.groupOwners + (<usize>round.count << 1);
  let groups = round.groups + (<usize>round.count << 1);
  const end = round.groups + (<usize>round.kept << 1);
  for (; groups != end; groups += 2) {
    const at = points + <usize>load<u16>(owners);
    const group = <i32>load<u16>(groups);
    take(at + BEST, scoresOf(tree, dim, group, at), i32x4.splat(group));
    owners += 2;
  }
}

/** The scores of a group's codes in f32; `x` has the row's numbers. */
export function scoresOf(tree: KdTree, dim: i32, group: i32, x: usize): v128 {
  let c = tree.codes + <usize>((group >> 3) * dim) * NEXT + (<usize>(group & 7) << 4);
  let s = v128.load(tree.biases + (<usize>group << 4));
  for (; dim >= 4; dim -= 4) {
    s = nmadd(v128.load32_splat(x), v128.load(c), s);
    s = nmadd(v128.load32_splat(x, 4), v128.load(c, NEXT), s);
    s = nmadd(v128.load32_splat(x, 8), v128.load(c, 2 * NEXT), s);
    s = nmadd(v128.load32_splat(x, 12), v128.load(c, 3 * NEXT), s);
    c += 4 * NEXT;
    x += 16;
  }
  for (; dim > 0; --dim) {
    s = nmadd(v128.load32_splat(x), v128.load(c), s);
    c += NEXT;
    x += 4;
  }
  return s;
}

/** At least what two scores in f32 of a row with this squared length are off by. */
// @ts-ignore: decorator
@inline
export function errorOf(lattice: Lattice, norm: f32): f32 {
  return lattice.error + lattice.errorByLength * sqrt(norm);
}

/** The nearest code of `row`, whose point is the one at `owner`; -1: no answer. */
export function winnerOf(
  book: Codebook,
  tree: KdTree,
  lattice: Lattice,
  round: Round,
  row: usize,
  owner: usize,
): i32 {
  const at = round.points + owner;
  const best = v128.load(at, BEST);
  const least = horizontalMin(best);
  const isLeast = f32x4.eq(best, least);
  const bits = i32x4.bitmask(isLeast);
  const others = horizontalMin(v128.bitselect(v128.load(at, BEST + 32), best, isLeast));
  const limit = f32x4.extract_lane(least, 0) + errorOf(lattice, changetype<Point>(at).norm);
  const certain = <i32>(f32x4.extract_lane(others, 0) > limit) & <i32>((bits & (bits - 1)) == 0);
  if (!certain) return decide(book, tree, round, row, owner, limit);
  const lane = <i32>ctz(bits);
  return codeAt(tree, load<i32>(at + (<usize>lane << 2), BEST + 16), lane);
}

/** The index of a group's code. */
// @ts-ignore: decorator
@inline
function codeAt(tree: KdTree, group: i32, lane: i32): i32 {
  return load<i32>(tree.order + (<usize>(group * 4 + lane) << 2));
}

/** As `winnerOf`, by f64 among the codes whose scores are not above `limit`. */
function decide(
  book: Codebook,
  tree: KdTree,
  round: Round,
  row: usize,
  owner: usize,
  limit: f32,
): i32 {
  if (isNaN(limit)) return -1;
  const x = round.points + owner;
  const above = f32x4.splat(limit);
  let found = -1;
  let least: f64 = 0;
  for (let i: usize = 0; i < <usize>round.kept; ++i) {
    if (<usize>load<u16>(round.groupOwners + (i << 1)) != owner) continue;
    const group = <i32>load<u16>(round.groups + (i << 1));
    let hits = i32x4.bitmask(f32x4.le(scoresOf(tree, book.dim, group, x), above));
    for (; hits != 0; hits &= hits - 1) {
      const k = codeAt(tree, group, <i32>ctz(hits));
      const value = exactValue(book, row, k);
      if (found < 0 || value < least || (value == least && k < found)) {
        found = k;
        least = value;
      }
    }
  }
  return found;
}
