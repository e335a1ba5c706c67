/** Rounds the codes of a k-d tree to a lattice; `lattice.ts` tells what for. */
import { Codebook } from "../packedCodebook";
import { KdTree, LEAF, Lattice } from "./filterCodebook";
import { LEAF_BIASES, LEAF_CODES } from "./latticeLeaves";
import { FEATURES, MOST, OFFSET } from "./latticeRound";

/** Largest number of a code: rows may lie a little farther out, up to 63. */
const MOST_OF_CODE: f64 = 58;
/** Scores of codes no longer than this and of rows about as long fit in 16 bits. */
const MOST_LENGTH: f64 = 101;
/** Scores of longer ones fit, too, where leaves that are not larger are near. */
const MOST_DIAGONAL: f64 = 90;

/**
 * The codes of `tree`, those of `book`, to its lattice, after `packBoxes`; a single call. Codes
 * that do not differ at all never come here. Returns 0.
 */
export function packLattice(
  begin: i32,
  end: i32,
  scratch: usize,
  book: Codebook,
  tree: KdTree,
): i32 {
  const dim = book.dim;
  const size = book.size;
  const lattice = changetype<Lattice>(tree.lattice);
  fillTable(lattice.table);
  const scale = MOST_OF_CODE / center(tree, lattice, dim, size);
  const length = roundCodes(tree, lattice, dim, size, scale);
  if (length > MOST_LENGTH && <f64>lattice.diagonal > MOST_DIAGONAL) {
    roundCodes(tree, lattice, dim, size, scale * MOST_LENGTH / length);
  }
  // Half as much again as `scoreError` of two codes, for what is added to it in f32.
  const unit = 1.5 * book.unit * book.maxNorm;
  lattice.error = <f32>(unit * book.maxNorm + 4 * book.tiny);
  lattice.errorByLength = <f32>(2 * unit);
  return 0;
}

/** The places of the bits that are set, of all bytes. */
function fillTable(to: usize): void {
  for (let byte = 0; byte < 256; ++byte) {
    let at = to + (<usize>byte << 4);
    for (let bits = byte; bits != 0; bits &= bits - 1) {
      store<u16>(at, <u16>ctz(bits));
      at += 2;
    }
  }
}

/** Feature `d` of the code at a place of the tree. */
// @ts-ignore: decorator
@inline
function numberOf(tree: KdTree, dim: i32, place: i32, d: i32): f64 {
  const at = (place / LEAF * dim + d) * LEAF + place % LEAF;
  return <f64>load<f32>(tree.codes + (<usize>at << 2));
}

/** The middles of all features' ranges to the lattice; returns half of the widest range. */
function center(tree: KdTree, lattice: Lattice, dim: i32, size: i32): f64 {
  let half: f64 = 0;
  for (let d = 0; d < FEATURES; ++d) {
    let low: f64 = d < dim ? Infinity : 0;
    let high: f64 = d < dim ? -Infinity : 0;
    for (let place = 0; d < dim && place < size; ++place) {
      const v = numberOf(tree, dim, place, d);
      low = min(low, v);
      high = max(high, v);
    }
    const middle = <f32>(0.5 * (low + high));
    store<f32>(lattice.center + (<usize>d << 2), middle);
    half = max(half, max(high - <f64>middle, <f64>middle - low));
  }
  return half;
}

/** Rounds all codes with about this scale; returns the largest length on the lattice. */
function roundCodes(tree: KdTree, lattice: Lattice, dim: i32, size: i32, wanted: f64): f64 {
  const scale = <f64><f32>wanted;
  let rest: f64 = 0;
  let longest = 0;
  let diagonal = 0;
  for (let leaf = 0; leaf < lattice.leaves; ++leaf) {
    const count = max(0, min(LEAF, size - leaf * LEAF));
    for (let i = 0; i < LEAF; ++i) {
      roundCode(tree, lattice, i < count ? dim : 0, leaf, i, 2 * scale);
      rest = max(rest, lastRest);
      longest = max(longest, lastSquares);
      const bias = i < count ? lastSquares / 4 + OFFSET * lastSum : MOST;
      const to = lattice.biases + <usize>leaf * LEAF_BIASES;
      store<i16>(to + <usize>((i & 3) * 16 + (i >> 2) * 2), <i16>bias);
    }
    diagonal = max(diagonal, packBox(lattice, lattice.boxes, leaf, LEAF, size));
  }
  for (let branch = 0; branch < lattice.branches; ++branch) {
    packBox(lattice, lattice.branchBoxes, branch, 8 * LEAF, size);
  }
  const length = 0.5 * sqrt(<f64>longest);
  const most = (MOST - length * length) / (2 * max(length, 1.0)) - 1;
  lattice.scale = <f32>scale;
  lattice.rest = <f32>(0.5 * sqrt(rest) * 1.00001);
  lattice.free = most > 0 ? <f32>(most * most) : 0;
  lattice.diagonal = <f32>(sqrt(<f64>diagonal) + 0.01);
  return length;
}

// Of the last call of `roundCode`: what it took off, squared; the squares and the sum of what it left.
let lastRest: f64 = 0;
let lastSquares: i32 = 0;
let lastSum: i32 = 0;

/** Where the first of the eight numbers of the code at a place of the tree lies. */
// @ts-ignore: decorator
@inline
function placeOf(lattice: Lattice, place: i32): usize {
  const i = place % LEAF;
  return lattice.codes + <usize>(place / LEAF) * LEAF_CODES + <usize>((i & 3) * 64 + (i >> 2) * 2);
}

/** Rounds `dim` features of code `i` of a leaf; the others are 0. */
function roundCode(
  tree: KdTree,
  lattice: Lattice,
  dim: i32,
  leaf: i32,
  i: i32,
  scale: f64,
): void {
  const to = placeOf(lattice, leaf * LEAF + i);
  lastRest = 0;
  lastSquares = 0;
  lastSum = 0;
  for (let d = 0; d < FEATURES; ++d) {
    let rounded = 0;
    if (d < dim) {
      const middle = <f64>load<f32>(lattice.center + (<usize>d << 2));
      const v = scale * (numberOf(tree, dim, leaf * LEAF + i, d) - middle);
      rounded = <i32>nearest(v);
      lastRest += (v - <f64>rounded) * (v - <f64>rounded);
    }
    store<i8>(to + <usize>((d >> 1) * 16 + (d & 1)), <i8>-rounded);
    lastSquares += rounded * rounded;
    lastSum += rounded;
  }
}

/**
 * The bounds of `most` codes, fewer at the end, to place `i` of `boxes`; far from all if there are none. Returns the
 * box's squared diagonal.
 */
function packBox(lattice: Lattice, boxes: usize, i: i32, most: i32, size: i32): i32 {
  const to = boxes + <usize>(i / 8 * 128 + i % 8 * 2);
  const first = i * most;
  const end = min(first + most, size);
  let diagonal = 0;
  for (let d = 0; d < FEATURES; ++d) {
    const feature = <usize>((d >> 1) * 16 + (d & 1));
    let low = first < end ? 127 : 2 * (127 - OFFSET);
    let high = first < end ? -127 : low;
    for (let place = first; place < end; ++place) {
      const v = -<i32>load<i8>(placeOf(lattice, place) + feature);
      low = min(low, v);
      high = max(high, v);
    }
    // Rounded down and up from halves.
    const bottom = low >> 1;
    const top = (high + 1) >> 1;
    const at = to + <usize>((d >> 1) * 32 + (d & 1));
    store<u8>(at, <u8>(bottom + OFFSET));
    store<u8>(at, <u8>(top + OFFSET), 16);
    diagonal += (top - bottom) * (top - bottom);
  }
  return diagonal;
}
