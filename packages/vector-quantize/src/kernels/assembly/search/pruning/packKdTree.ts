/** Sorts a codebook of few features into the leaves of a k-d tree, and measures their boxes. */
import { Codebook } from "../packedCodebook";
import { KdTree, BRANCH, LEAF } from "./filterCodebook";
import { codeAt, panelCodes } from "../tiles";

/** Bias of the places past the last code: never the least score. */
const PADDING: f32 = 3e38;

/**
 * Brings the codes' indices into an order in which every `LEAF` neighbours are near: halves, each
 * a multiple of `LEAF`, along the feature that varies most, halved in turn. `order` (i32 [K]) gets
 * the indices. `scratch` holds 4 * D * K bytes. Returns 0.
 *
 * Friedman, Bentley, Finkel, "An Algorithm for Finding Best Matches in Logarithmic Expected Time",
 * 1977, https://doi.org/10.1145/355744.355745
 */
export function orderCodes(
  begin: i32,
  end: i32,
  scratch: usize,
  book: Codebook,
  order: usize,
): i32 {
  const dim = book.dim;
  const size = book.size;
  for (let k = 0; k < size; ++k) {
    store<i32>(order + (<usize>k << 2), k);
    for (let d = 0; d < dim; ++d) {
      store<f32>(scratch + (<usize>(k * dim + d) << 2), numberOf(book, k, d));
    }
  }
  halve(scratch, dim, order, 0, size);
  return 0;
}

/** Feature `d` of packed code `k`. */
// @ts-ignore: decorator
@inline
function numberOf(book: Codebook, k: i32, d: i32): f32 {
  return load<f32>(codeAt(book, k) + (<usize>(d * panelCodes(book.shape)) << 2));
}

// @ts-ignore: decorator
@inline
function keyOf(codes: usize, dim: i32, order: usize, i: i32, d: i32): f32 {
  return load<f32>(codes + (<usize>(load<i32>(order + (<usize>i << 2)) * dim + d) << 2));
}

function halve(codes: usize, dim: i32, order: usize, begin: i32, end: i32): void {
  if (end - begin <= LEAF) return;
  const middle = begin + ((end - begin) / 2 + LEAF - 1) / LEAF * LEAF;
  let widest = 0;
  let most: f32 = -1;
  for (let d = 0; d < dim; ++d) {
    let low: f32 = Infinity;
    let high: f32 = -Infinity;
    for (let i = begin; i < end; ++i) {
      const v = keyOf(codes, dim, order, i, d);
      low = min(low, v);
      high = max(high, v);
    }
    if (high - low > most) {
      most = high - low;
      widest = d;
    }
  }
  part(codes, dim, order, begin, end - 1, middle, widest);
  halve(codes, dim, order, begin, middle);
  halve(codes, dim, order, middle, end);
}

/** Hoare's selection: places before `middle` get the least numbers, those from there on the rest. */
function part(
  codes: usize,
  dim: i32,
  order: usize,
  first: i32,
  last: i32,
  middle: i32,
  d: i32,
): void {
  while (first < last) {
    const pivot = keyOf(codes, dim, order, (first + last) >> 1, d);
    let i = first;
    let j = last;
    while (i <= j) {
      while (keyOf(codes, dim, order, i, d) < pivot) ++i;
      while (keyOf(codes, dim, order, j, d) > pivot) --j;
      if (i > j) break;
      const p = order + (<usize>i << 2);
      const q = order + (<usize>j << 2);
      const other = load<i32>(p);
      store<i32>(p, load<i32>(q));
      store<i32>(q, other);
      ++i;
      --j;
    }
    if (middle <= j) last = j;
    else if (middle >= i) first = i;
    else return;
  }
}

/** The codes of branches `begin` to `end`, in order, and the boxes of their leaves. Returns 0. */
export function packBoxes(
  begin: i32,
  end: i32,
  scratch: usize,
  book: Codebook,
  tree: KdTree,
): i32 {
  const dim = book.dim;
  for (let branch = begin; branch < end; ++branch) {
    const bounds = tree.leafBounds + <usize>(branch * dim) * (BRANCH * 8);
    for (let i = 0; i < BRANCH; ++i) {
      const leaf = branch * BRANCH + i;
      for (let d = 0; d < dim; ++d) {
        packNumbers(book, tree, leaf, d, bounds + <usize>(d * BRANCH * 8 + i * 4));
      }
      if (leaf < tree.leaves) packBiases(book, tree, leaf);
    }
  }
  return 0;
}

/** Codes of a leaf, 0 past the last leaf. */
// @ts-ignore: decorator
@inline
function countOf(book: Codebook, tree: KdTree, leaf: i32): i32 {
  return leaf < tree.leaves ? min(LEAF, book.size - leaf * LEAF) : 0;
}

/** Feature `d` of a leaf's codes, and its bounds to `to`: a leaf without codes is infinitely far. */
function packNumbers(book: Codebook, tree: KdTree, leaf: i32, d: i32, to: usize): void {
  const count = countOf(book, tree, leaf);
  let low: f32 = Infinity;
  let high: f32 = count > 0 ? -Infinity : Infinity;
  const out = tree.codes + (<usize>((leaf * book.dim + d) * LEAF) << 2);
  for (let j = 0; count > 0 && j < LEAF; ++j) {
    const k = load<i32>(tree.order + (<usize>(leaf * LEAF + min(j, count - 1)) << 2));
    const v = numberOf(book, k, d);
    low = min(low, v);
    high = max(high, v);
    store<f32>(out + (<usize>j << 2), v);
  }
  store<f32>(to, low);
  store<f32>(to, high, BRANCH * 4);
}

function packBiases(book: Codebook, tree: KdTree, leaf: i32): void {
  const count = countOf(book, tree, leaf);
  for (let j = 0; j < LEAF; ++j) {
    const at = <usize>(leaf * LEAF + j) << 2;
    let bias = PADDING;
    if (j < count) {
      const k = load<i32>(tree.order + at);
      bias = load<f32>(book.bias + (<usize>k << 2));
    }
    store<f32>(tree.biases + at, bias);
  }
}

/** The boxes of branches, four by four: fours `begin` to `end`, after `packBoxes`. Returns 0. */
export function packBranches(
  begin: i32,
  end: i32,
  scratch: usize,
  book: Codebook,
  tree: KdTree,
): i32 {
  const dim = book.dim;
  for (let b = begin * 4; b < end * 4; ++b) {
    const leaves = min(BRANCH, tree.leaves - b * BRANCH);
    for (let d = 0; d < dim; ++d) {
      let low: f32 = Infinity;
      let high: f32 = leaves > 0 ? -Infinity : Infinity;
      const from = tree.leafBounds + <usize>(b * dim + d) * (BRANCH * 8);
      for (let i = 0; i < leaves; ++i) {
        low = min(low, load<f32>(from + (<usize>i << 2)));
        high = max(high, load<f32>(from + (<usize>i << 2), BRANCH * 4));
      }
      const to = tree.branchBounds + <usize>(((b >> 2) * dim + d) * 32 + (b & 3) * 4);
      store<f32>(to, low);
      store<f32>(to, high, 16);
    }
  }
  return 0;
}
