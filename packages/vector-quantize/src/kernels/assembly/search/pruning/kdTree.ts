/**
 * The nearest code among few features, by a k-d tree: codes lie in leaves of near ones, and a leaf whose box is
 * farther from the row than the best code so far is not looked at. Where rounding can't tell which
 * code is the nearest, the leaves are walked through again, and f64 decides.
 */
import { Codebook, METRIC_EUCLIDEAN } from "../packedCodebook";
import { KdTree, BRANCH, LEAF } from "./filterCodebook";
import { squaredLength } from "./filterRows";
import { nmadd, take } from "../tiles";
import { exactValue, lengthBound, longestCode, scoreError } from "../values";
import { horizontalMin } from "../winner";

/** Above every score of a code. */
const UNSEEN: f32 = 3.4e38;
/** Most features. */
export const MOST_FEATURES: i32 = 16;

/** Leaves visited so far. */
export let visited: i32 = 0;
/** The squared length, less the mean, of the row of the last call of `nearestInTree`. */
export let boxedNorm: f32 = 0;

/** A row on its way through the leaves, in scratch; its numbers, each in four lanes, come after. */
@unmanaged
class Walk {
  // What `take` keeps: the least score of each lane, its leaf, the least of the lane's other leaves.
  least0: f64; least1: f64;
  leaf0: f64; leaf1: f64;
  next0: f64; next1: f64;
  /** KdTree farther away than this need no look: squared. */
  reach: f32;
  /** The least score so far. */
  best: f32;
  /** `reach` is `(base + 2 best) slack`. */
  base: f64;
  slack: f64;
}

/** Bytes of a `Walk`, padded. */
const WALK: usize = 80;

/**
 * The code nearest to `row`, the lowest index on ties; -1 if it is not finite or out of the range in
 * which bounds of the rounding hold. `scratch` (16-byte aligned) holds
 * 80 + 16 * 16 + 64 bytes and 4 for each branch, padded to 16.
 */
export function nearestInTree(book: Codebook, tree: KdTree, row: usize, scratch: usize): i32 {
  const walk = changetype<Walk>(scratch);
  const x = scratch + WALK;
  const near = x + MOST_FEATURES * 16;
  const branches = near + BRANCH * 4;
  const dim = book.dim;
  const norm = squaredLength(row, book.mean, dim);
  boxedNorm = norm;
  if (!(norm > 1e-30 && norm < 1e30)) return -1;
  for (let d = 0; d < dim; ++d) {
    const v = load<f32>(row + (<usize>d << 2)) - load<f32>(book.mean + (<usize>d << 2));
    v128.store(x + (<usize>d << 4), f32x4.splat(v));
  }
  let error: f64;
  let square = <f64>norm;
  if (book.metric == METRIC_EUCLIDEAN) {
    error = 2 * scoreError(book, lengthBound(book, norm), book.maxNorm);
  } else {
    // The row is scaled to the length of the longest code: then a distance follows from a product.
    const longest = longestCode(book);
    const scale = f32x4.splat(<f32>(longest / sqrt(square)));
    const end = x + (<usize>dim << 4);
    for (let at = x; at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), scale));
    square = longest * longest * (2 + 1e-5);
    error = 6 * book.unit * longest * longest;
  }
  walk.base = square * (1 + 2 * book.unit) + 2 * error;
  walk.slack = 1 + 2 * book.unit + 1e-6;
  walk.best = UNSEEN;
  walk.reach = Infinity;
  v128.store(scratch, f32x4.splat(UNSEEN));
  v128.store(scratch, f32x4.splat(UNSEEN), 32);

  const count = (tree.leaves + BRANCH - 1) / BRANCH;
  const home = nearestBranch(tree, dim, count, x, branches);
  visitBranch(tree, dim, home, true, walk, x, near);
  for (let b = 0; b < count; ++b) {
    if (b == home || load<f32>(branches + (<usize>b << 2)) > walk.reach) continue;
    visitBranch(tree, dim, b, false, walk, x, near);
  }
  const limit = <f64>walk.best + error;
  const above = <f32>(limit + abs(limit) * 2e-7 + 1e-44);
  const k = certain(tree, dim, walk, x, above);
  if (k >= 0) return k;
  nearestSoFar = -1;
  for (let b = 0; b < count; ++b) {
    if (count > 1 && load<f32>(branches + (<usize>b << 2)) > walk.reach) continue;
    searchBranch(book, tree, row, b, walk.reach, x, above);
  }
  return nearestSoFar;
}

/** Squared distances to all branches, to `out` (f32); returns the nearest. */
function nearestBranch(tree: KdTree, dim: i32, count: i32, x: usize, out: usize): i32 {
  if (count == 1) return 0;
  let least = f32x4.splat(Infinity);
  let places = i32x4.splat(0);
  let bounds = tree.branchBounds;
  for (let b = 0; b < count; b += 4) {
    let sum = f32x4.splat(0);
    for (let d = 0; d < dim; ++d) {
      const v = v128.load(x + (<usize>d << 4));
      sum = addGap(sum, v, v128.load(bounds), v128.load(bounds, 16));
      bounds += 32;
    }
    v128.store(out + (<usize>b << 2), sum);
    places = v128.bitselect(i32x4.splat(b), places, f32x4.lt(sum, least));
    least = f32x4.pmin(least, sum);
  }
  const lane = ctz(i32x4.bitmask(f32x4.eq(least, horizontalMin(least)))) & 3;
  v128.store(out + (<usize>((count + 3) & ~3) << 2), places);
  return load<i32>(out + (<usize>(((count + 3) & ~3) + lane) << 2)) + lane;
}

/** `sum` and the squares of how far `v` is outside of `low` to `high`. */
// @ts-ignore: decorator
@inline
function addGap(sum: v128, v: v128, low: v128, high: v128): v128 {
  const gap = f32x4.pmax(f32x4.pmax(f32x4.sub(low, v), f32x4.sub(v, high)), f32x4.splat(0));
  return f32x4.add(sum, f32x4.mul(gap, gap));
}

/** Squared distances to the leaves of a branch, to `near` (f32). */
// @ts-ignore: decorator
@inline
function measureLeaves(tree: KdTree, dim: i32, branch: i32, x: usize, near: usize): void {
  let s0 = f32x4.splat(0);
  let s1 = s0, s2 = s0, s3 = s0;
  let bounds = tree.leafBounds + <usize>(branch * dim) * (BRANCH * 8);
  for (let d = 0; d < dim; ++d) {
    const v = v128.load(x + (<usize>d << 4));
    s0 = addGap(s0, v, v128.load(bounds), v128.load(bounds, 64));
    s1 = addGap(s1, v, v128.load(bounds, 16), v128.load(bounds, 80));
    s2 = addGap(s2, v, v128.load(bounds, 32), v128.load(bounds, 96));
    s3 = addGap(s3, v, v128.load(bounds, 48), v128.load(bounds, 112));
    bounds += BRANCH * 8;
  }
  v128.store(near, s0);
  v128.store(near, s1, 16);
  v128.store(near, s2, 32);
  v128.store(near, s3, 48);
}

/** Visits the leaves of a branch that are near enough, the nearest first where nothing is known. */
function visitBranch(
  tree: KdTree,
  dim: i32,
  branch: i32,
  isFirst: bool,
  walk: Walk,
  x: usize,
  near: usize,
): void {
  measureLeaves(tree, dim, branch, x, near);
  let home = -1;
  if (isFirst) {
    const low = f32x4.pmin(v128.load(near), v128.load(near, 16));
    const high = f32x4.pmin(v128.load(near, 32), v128.load(near, 48));
    home = <i32>ctz(notAbove(near, horizontalMin(f32x4.pmin(low, high))));
    visitLeaf(tree, dim, branch * BRANCH + home, walk, x);
  }
  for (let open = notAbove(near, f32x4.splat(walk.reach)); open != 0; open &= open - 1) {
    const i = <i32>ctz(open);
    if (i == home || load<f32>(near + (<usize>i << 2)) > walk.reach) continue;
    visitLeaf(tree, dim, branch * BRANCH + i, walk, x);
  }
}

/** Bits of the 16 numbers at `near` that are not above the limit. */
// @ts-ignore: decorator
@inline
function notAbove(near: usize, limit: v128): i32 {
  return (
    i32x4.bitmask(f32x4.le(v128.load(near), limit)) |
    (i32x4.bitmask(f32x4.le(v128.load(near, 16), limit)) << 4) |
    (i32x4.bitmask(f32x4.le(v128.load(near, 32), limit)) << 8) |
    (i32x4.bitmask(f32x4.le(v128.load(near, 48), limit)) << 12)
  );
}

/** Scores of a leaf's codes into the walk. */
function visitLeaf(tree: KdTree, dim: i32, leaf: i32, walk: Walk, x: usize): void {
  ++visited;
  let b = tree.biases + <usize>(leaf * LEAF * 4);
  let a0 = v128.load(b);
  let a1 = v128.load(b, 16);
  let a2 = v128.load(b, 32);
  let a3 = v128.load(b, 48);
  let a4 = v128.load(b, 64);
  let a5 = v128.load(b, 80);
  let a6 = v128.load(b, 96);
  let a7 = v128.load(b, 112);
  let c = tree.codes + <usize>(leaf * dim) * (LEAF * 4);
  const end = c + <usize>dim * (LEAF * 4);
  do {
    const v = v128.load(x);
    a0 = nmadd(v, v128.load(c), a0);
    a1 = nmadd(v, v128.load(c, 16), a1);
    a2 = nmadd(v, v128.load(c, 32), a2);
    a3 = nmadd(v, v128.load(c, 48), a3);
    a4 = nmadd(v, v128.load(c, 64), a4);
    a5 = nmadd(v, v128.load(c, 80), a5);
    a6 = nmadd(v, v128.load(c, 96), a6);
    a7 = nmadd(v, v128.load(c, 112), a7);
    c += LEAF * 4;
    x += 16;
  } while (c != end);
  a0 = f32x4.pmin(f32x4.pmin(a0, a1), f32x4.pmin(a2, a3));
  a4 = f32x4.pmin(f32x4.pmin(a4, a5), f32x4.pmin(a6, a7));
  const least = f32x4.pmin(a0, a4);
  take(changetype<usize>(walk), least, i32x4.splat(leaf));
  const best = f32x4.extract_lane(horizontalMin(least), 0);
  if (best < walk.best) {
    walk.best = best;
    walk.reach = <f32>max(0.0, (walk.base + 2 * <f64>best) * walk.slack);
  }
}

/** The index of the nearest code if it is the only one with a score not above `above`, else -1. */
function certain(tree: KdTree, dim: i32, walk: Walk, x: usize, above: f32): i32 {
  const state = changetype<usize>(walk);
  const scores = v128.load(state);
  const isBest = f32x4.eq(scores, f32x4.splat(walk.best));
  const bits = i32x4.bitmask(isBest);
  if ((bits & (bits - 1)) != 0) return -1;
  const lane = <usize>ctz(bits);
  const others = horizontalMin(v128.bitselect(v128.load(state, 32), scores, isBest));
  if (f32x4.extract_lane(others, 0) <= above) return -1;
  const leaf = load<i32>(state + (lane << 2), 16);
  const hits = codesWithin(tree, dim, leaf, x, above);
  if ((hits & (hits - 1)) != 0) return -1;
  return load<i32>(tree.order + (<usize>(leaf * LEAF + <i32>ctz(hits)) << 2));
}

/** Bits of a leaf's codes whose scores are not above `above`. */
function codesWithin(tree: KdTree, dim: i32, leaf: i32, x: usize, above: f32): u32 {
  let b = tree.biases + <usize>(leaf * LEAF * 4);
  let c = tree.codes + <usize>(leaf * dim) * (LEAF * 4);
  const most = f32x4.splat(above);
  let hits: u32 = 0;
  for (let i = 0; i < LEAF; i += 8) {
    let a0 = v128.load(b);
    let a1 = v128.load(b, 16);
    let at = c;
    for (let d = 0; d < dim; ++d) {
      const v = v128.load(x + (<usize>d << 4));
      a0 = nmadd(v, v128.load(at), a0);
      a1 = nmadd(v, v128.load(at, 16), a1);
      at += LEAF * 4;
    }
    const near = i32x4.bitmask(f32x4.le(a0, most)) | (i32x4.bitmask(f32x4.le(a1, most)) << 4);
    hits |= <u32>near << i;
    b += 32;
    c += 32;
  }
  return hits;
}

/** The nearest code by f64 so far, the lowest index on ties, and its `exactValue`; -1: none. */
let nearestSoFar: i32 = -1;
let nearestValue: f64 = 0;

/** Compares the codes of a branch whose scores are not above `above` by f64. */
function searchBranch(
  book: Codebook,
  tree: KdTree,
  row: usize,
  branch: i32,
  reach: f32,
  x: usize,
  above: f32,
): void {
  const near = x + MOST_FEATURES * 16;
  measureLeaves(tree, book.dim, branch, x, near);
  for (let open = notAbove(near, f32x4.splat(reach)); open != 0; open &= open - 1) {
    const leaf = branch * BRANCH + <i32>ctz(open);
    for (let hits = codesWithin(tree, book.dim, leaf, x, above); hits != 0; hits &= hits - 1) {
      const k = load<i32>(tree.order + (<usize>(leaf * LEAF + <i32>ctz(hits)) << 2));
      const value = exactValue(book, row, k);
      const better = nearestSoFar < 0 || value < nearestValue;
      if (better || (value == nearestValue && k < nearestSoFar)) {
        nearestSoFar = k;
        nearestValue = value;
      }
    }
  }
}
