/** The layout of the filter's integers; `filter.ts` tells what they are for. */
import { Codebook } from "../packedCodebook";

/** What a row's scores are integers of; written by the host, as its subclasses are. */
@unmanaged
export class Filter {
  /** Panels of `PANEL` codes; the last ones are filled up. */
  panels: i32;
  /** Parts of a score that were each rounded once more when they were shifted. */
  segments: i32;
  /** Bits that the sum of a segment is shifted down by: 0 if there is only one. */
  shift: i32;
  /** Not 0 once a group of rows kept so many codes that the filter does not pay. */
  hopeless: i32;
  /** What comes off the codes' biases. */
  bias: f64;
  /** What rows are seen through; 0: as they are. A `PrincipalSubspace` points to itself. */
  subspace: PrincipalSubspace | null;
  /** Rows that have passed in this search, and what they cost. Threads count them together, roughly. */
  rows: i64;
  spent: i64;
}

/** A codebook in small integers. Layout as in `filterCodebook.ts`. */
@unmanaged
export class FilterCodebook extends Filter {
  /** Steps of the inner loop over a row: `VALUES` features each, the digits of the bias last. */
  steps: i32;
  /** Steps that are summed in 16 bits before the sum is shifted; a multiple of 4 features. */
  segmentSteps: i32;
  /** i8 or i16 [panels, steps, PANEL, VALUES]: the packed codes of `book` times -`scale`, rounded. */
  packed: usize;
  /** i16 [panels, segments, PANEL]: -OFFSET times the sum of a segment's integers. */
  starts: usize;
  /** f32 [panels, segments + 1]: largest number, and largest squared length in each segment. */
  measures: usize;
  /** f32 [panels]: the largest length of what rounding took off a code of the panel. */
  rests: usize;
  /**
   * f64 [segments, 2]: what a row's length in the segment, and what 1, are multiplied by; the sum is
   * at most 1 / the row's scale.
   */
  rooms: usize;
  /** How many features the first digit of the bias has; one for the second follows. */
  copies: i32;
  /** What codes are multiplied by. */
  scale: f64;
  /** Value of the bias' first digit; the second's is an eighth. */
  digit: f64;
  /** What a row of scale 1 is multiplied by to get the weight of the first digit, and 1 / that. */
  weight: f64;
  unit: f64;
  /** The largest of `rests`. */
  rest: f64;
  /** Bound of the length of a code in integers, without digits. */
  length: f64;
  /** Value of the digit of a code's length in integers, which is rounded up; 0 if there is none. */
  lengthDigit: f64;
  /** What rows are seen through first, or 0. */
  coarse: PrincipalSubspace | null;
  /** Where rows are searched for first, or 0. */
  tree: KdTree | null;
}

/** A codebook's projections. Layout as in `principalSubspace.ts`. */
@unmanaged
export class PrincipalSubspace extends Filter {
  axes: Codebook;
  /** The projected codes; Euclidean. */
  codes: Codebook;
  /** The same in small integers: rougher, and looked at before their floats. */
  integers: FilterCodebook;
  /** Projections are at most this many times as far apart as what was projected. */
  stretch: f64;
  /** Times the lengths of row and code: bounds the rounding of their projections. */
  slack: f64;
}

/** A codebook of few features, its codes in leaves of near ones. Layout as in `kdTree.ts`. */
@unmanaged
export class KdTree {
  /** Not 0 once rows had to visit so many leaves that this does not pay. */
  hopeless: i32;
  /** Leaves of `LEAF` codes; the last one is filled up. */
  leaves: i32;
  /** i32 [K]: the codes' indices, leaf by leaf. */
  order: usize;
  /** f32 [leaves, D, LEAF]: the packed codes of `book`. */
  codes: usize;
  /** f32 [leaves, LEAF]: their biases, as packed; 3e38 past the last code. */
  biases: usize;
  /** f32 [branches, D, 2, BRANCH]: the least and the largest number of each leaf. */
  leafBounds: usize;
  /** f32 [branches / 4, D, 2, 4]: those of each branch. */
  branchBounds: usize;
  /** The codes on a lattice, or 0. */
  lattice: Lattice | null;
}

/** The codes of a k-d tree of up to eight features, rounded to a lattice. Layout as in `latticeLeaves.ts`. */
@unmanaged
export class Lattice {
  /** Not 0 once so many rows were left open that this does not pay. */
  hopeless: i32;
  /** Leaves of the tree, rounded up to eight or to eight branches: those past the last one are empty. */
  leaves: i32;
  /** f32 [8]: what comes off the codes as packed, and off rows. */
  center: usize;
  /** i8 [leaves, 4, 4, 8, 2]: codes times -2 `scale`, rounded: for each vector pairs of features of eight codes. */
  codes: usize;
  /** i16 [leaves, 4, 8]: their squared lengths on the lattice, rounded down, less what `OFFSET` adds to products. */
  biases: usize;
  /** u8 [leaves / 8, 4, 2, 8, 2]: the least and the largest numbers of leaves, plus `OFFSET`, in pairs of features. */
  boxes: usize;
  /** Branches of eight leaves, rounded up to eight; 0: so few leaves that all are measured. */
  branches: i32;
  /** Their boxes likewise. */
  branchBoxes: usize;
  /** u16 [256, 8]: the places of the bits that are set in a byte. */
  table: usize;
  /** What vectors are multiplied by. */
  scale: f32;
  /** The largest length of what rounding took off a code. */
  rest: f32;
  /** `errorOf` a row is this and `errorByLength` times the row's length. */
  error: f32;
  errorByLength: f32;
  /** Scores of all codes fit in 16 bits for rows of at most this squared length. */
  free: f32;
  /** The largest diagonal of a leaf. */
  diagonal: f32;
}

/** Codes of a leaf. */
export const LEAF: i32 = 32;
/** Leaves of a branch. */
export const BRANCH: i32 = 16;

/** Largest number of a row: 7 bits with pairs (codes have 8), else as 16-bit sums allow. */
export const MOST_OF_ROW: f64 = ASC_FEATURE_RELAXED_SIMD ? 63 : 8191;
/** Added to a row's numbers: the instruction for pairs takes one operand without a sign. */
export const OFFSET: i32 = ASC_FEATURE_RELAXED_SIMD ? 64 : 0;
/** Largest first and second digit of a code's bias; the second's value is an eighth of the first's. */
export const DIGIT: f64 = 127;
export const DIGIT2: f64 = 4;

/** Largest weight of the digit of a code's length. */
export const MOST_OF_LENGTH: f64 = 63;

/** Features of a step: two bytes where there is an instruction for pairs, else one 16-bit number. */
export const VALUES: i32 = ASC_FEATURE_RELAXED_SIMD ? 2 : 1;
/** Codes of a panel. */
export const PANEL: i32 = 32;
/** Rows of a tile. */
export const HEIGHT: i32 = 2;
/** Rows that are scanned at a time: they stay in the first-level cache while panels stream past. */
export const GROUP: i32 = 24;
/** Codes whose scores are kept at a time. */
export const WINDOW: i32 = 1024;
/** Bytes of a row's scores in a window. */
export const SCORES: usize = WINDOW * 2;
/** Bytes of a row's least scores of each panel in a window. */
export const LEASTS: usize = (WINDOW / PANEL) * 16;

/** Bytes of a `Row`. */
export const ROW: usize = 64;
/** Codes that a row may keep. */
export const KEPT: i32 = 64;
/** Bytes of a row's list: indices (i32) and then scores (i32), later values (f32), padded. */
export const LIST: usize = KEPT * 8 + 16;

/** A row while it is scanned. */
@unmanaged
export class Row {
  /** Squared length less the mean, NaN if the row is not finite. */
  norm: f32;
  /** As `norm`, of what the filter sees: the row or its projection. */
  seen: f32;
  /** The least score so far, and the value of the leader. */
  least: i32;
  value: f32;
  /** No code with a score above it can be the nearest. */
  bound: i32;
  /** Codes with a score above it are not in the list. */
  cap: i32;
  /** No code with a score farther above the least can be the nearest; -1: the leader decides. */
  margin: i32;
  /** Codes in the row's list; -1 if there were too many, or no bound holds. */
  kept: i32;
  /** The code with the least score, where `margin` is -1. */
  leader: i32;
  /** Bound of the error of a score, before it is shifted. */
  error: f64;
  /** What true scores are multiplied by, after `bias` is taken off. */
  scale: f64;
  /** As `scale`, where the scan multiplies. */
  factor: f32;
  /** Codes that wait to be looked at. */
  waiting: i32;

  /** No code has been seen. */
  begin(): void {
    this.least = 32767;
    this.bound = 32767;
    this.cap = 32767;
    this.margin = -1;
    this.kept = 0;
    this.waiting = 0;
  }
}
