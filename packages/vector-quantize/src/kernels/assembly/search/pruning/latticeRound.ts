/** What `lattice.ts` keeps in scratch of the rows that it looks for side by side. */

/** Numbers of a point, filled up with zeros. */
export const FEATURES: i32 = 8;
/** Added to a row's numbers: the instruction for pairs takes one operand without a sign. */
export const OFFSET: i32 = 64;
/** The largest number of 16 bits: a gap that may be larger, the score of a place without a code. */
export const MOST: i32 = 32767;
/** Above every score of a code in f32. */
export const UNSEEN: f32 = 3.4e38;

/** Rows side by side, their leaves and branches, near or not, and their groups that are looked at in f32, at most. */
const ROWS: i32 = 64;
const PLACES: i32 = 4096;
const VISITS: i32 = PLACES + 2 * ROWS;
const BRANCHES: i32 = PLACES / 8;
export const GROUPS: i32 = 1024;
/** Bytes that a list without a branch may write past its end. */
const TAIL: usize = 16;

/** A row. */
@unmanaged
export class Point {
  // Its numbers less the mean, f32 [8].
  x0: f64; x1: f64; x2: f64; x3: f64;
  // Its pairs of numbers on the lattice, plus `OFFSET`, each twice: u8 [4, 2, 2].
  pairs0: i64; pairs1: i64;
  // What `take` keeps, of groups: the least score of each lane, its group, the least of the lane's others.
  best0: i64; best1: i64;
  group0: i64; group1: i64;
  next0: i64; next1: i64;
  // The least score on the lattice of each lane; later, in all lanes, the number that near scores are below: i16 [8].
  least0: i64; least1: i64;
  /** Its squared length; NaN: no answer can be given. */
  norm: f32;
  /** Its squared length on the lattice. */
  length: f32;
  /** How much rounding changes a distance at most. */
  error: f32;
  /** Leaves whose gaps are not above this may hold the nearest code. */
  limit: i32;
}

/** Bytes of a `Point`, and where its vectors begin. */
export const POINT: usize = 128;
export const PAIRS: usize = 32;
export const BEST: usize = 48;
export const LEAST: usize = 96;

/** The rows that are looked for side by side, and lists of what they found. */
@unmanaged
export class Round {
  /** `Point`s, `count` of them. */
  points: usize;
  /** i16 [rows, leaves or branches]: squared distances to boxes; `MOST` once one is listed. */
  gaps: usize;
  // Visits: u16 leaf, u16 place of the point's first byte among `points`, i16 [8] least scores.
  leaves: usize;
  owners: usize;
  leasts: usize;
  /** u16: the visits that found a near code. */
  hits: usize;
  // Branches: u16 branch, u16 point as above, i16 [8] squared distances to its leaves.
  branches: usize;
  branchOwners: usize;
  leafGaps: usize;
  // u16: groups that may hold the nearest code of a row, and their points as above; one of each row comes first.
  groups: usize;
  groupOwners: usize;
  count: i32;
  visits: i32;
  kept: i32;

  /** Lays the lists out at `start`. */
  begin(start: usize): void {
    this.points = start + HEAD;
    this.gaps = this.points + <usize>ROWS * POINT;
    this.leasts = this.gaps + (<usize>PLACES << 1);
    this.leaves = this.leasts + (<usize>VISITS << 4);
    this.owners = this.leaves + (<usize>VISITS << 1) + TAIL;
    this.hits = this.owners + (<usize>VISITS << 1) + TAIL;
    this.leafGaps = this.hits + (<usize>VISITS << 1);
    this.branches = this.leafGaps + (<usize>BRANCHES << 4);
    this.branchOwners = this.branches + (<usize>BRANCHES << 1) + TAIL;
    this.groups = this.branchOwners + (<usize>BRANCHES << 1) + TAIL;
    this.groupOwners = this.groups + (<usize>GROUPS << 1);
  }

  /** How many rows there is room for. */
  mostRows(leaves: i32): i32 {
    return min(ROWS, PLACES / leaves);
  }
}

/** Bytes of a `Round`, padded. */
const HEAD: usize = 64;
/** Bytes that it takes with its lists. */
export const ROUND_BYTES: usize =
  HEAD + <usize>ROWS * POINT + <usize>(PLACES * 2 + VISITS * 22 + BRANCHES * 20 + GROUPS * 4) + 4 * TAIL;
/** Leaves of a tree, so that there is room for a row. */
export const MOST_LEAVES: i32 = PLACES / 2;

/**
 * At least the squared distance on the lattice of the nearest code, if the lanes of `least` hold the least scores
 * among some codes: |X - C|^2 - |X|^2, rounded down.
 */
// @ts-ignore: decorator
@inline
export function limitOf(least: v128, point: Point): f32 {
  const score = i16x8.extract_lane_s(leastInAll(least), 0);
  const far = sqrt(max(<f32>0, <f32>score + point.length + 1)) + 2 * point.error;
  return roundedUp(far * far);
}

/** At least a squared distance, however it was rounded. */
// @ts-ignore: decorator
@inline
export function roundedUp(square: f32): f32 {
  return square * <f32>1.000001 + <f32>0.01;
}

/** The least number in all lanes (i16). */
// @ts-ignore: decorator
@inline
export function leastInAll(a: v128): v128 {
  let m = i16x8.min_s(a, v128.shuffle<i32>(a, a, 2, 3, 0, 1));
  m = i16x8.min_s(m, v128.shuffle<i32>(m, m, 1, 0, 3, 2));
  return i16x8.min_s(m, v128.shuffle<i16>(m, m, 1, 0, 3, 2, 5, 4, 7, 6));
}
