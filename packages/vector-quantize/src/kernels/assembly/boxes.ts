/** Sorts a codebook of few features into leaves, and measures their boxes. */
import { Codebook } from "./shared/codebook";
import { Boxes, BRANCH, LEAF } from "./shared/filterCodebook";
import { panelCodes } from "./shared/tiles";

/** Bias of the places past the last code: never the least score. */
const PADDING: f32 = 3e38;

/**
 * Brings the codes' indices into an order in which every `LEAF` neighbours are near: halves, each
 * a multiple of `LEAF`, along the feature that varies most, halved in turn. `order` (i32 [leaves,
 * LEAF]) gets the indices, the last one again past the last code. `scratch` holds 4 * D * K bytes.
 * Returns 0.
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
  const leaves = (size + LEAF - 1) / LEAF;
  const last = load<i32>(order + (<usize>(size - 1) << 2));
  for (let i = size; i < leaves * LEAF; ++i) store<i32>(order + (<usize>i << 2), last);
  return 0;
}

/** Feature `d` of packed code `k`. */
// @ts-ignore: decorator
@inline
function numberOf(book: Codebook, k: i32, d: i32): f32 {
  const width = panelCodes(book.shape);
  const panel = book.packed + (<usize>((k / width) * book.dim * width) << 2);
  return load<f32>(panel + (<usize>(d * width + (k % width)) << 2));
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
  boxes: Boxes,
): i32 {
  const dim = book.dim;
  for (let branch = begin; branch < end; ++branch) {
    const bounds = boxes.leafBounds + <usize>(branch * dim) * (BRANCH * 8);
    for (let i = 0; i < BRANCH; ++i) {
      const leaf = branch * BRANCH + i;
      const count = leaf < boxes.leaves ? min(LEAF, book.size - leaf * LEAF) : 0;
      for (let d = 0; d < dim; ++d) {
        let low: f32 = Infinity;
        let high: f32 = Infinity; // a leaf without codes is infinitely far
        if (count > 0) high = packNumbers(book, boxes, leaf, count, d);
        if (count > 0) low = leastNumber;
        const to = bounds + <usize>(d * BRANCH * 8 + i * 4);
        store<f32>(to, low);
        store<f32>(to, high, BRANCH * 4);
      }
      if (count > 0) packBiases(book, boxes, leaf, count);
    }
  }
  return 0;
}

/** The least number, as of the last call of `packNumbers`. */
let leastNumber: f32 = 0;

/** Feature `d` of a leaf's codes; returns the largest number. */
function packNumbers(book: Codebook, boxes: Boxes, leaf: i32, count: i32, d: i32): f32 {
  let low: f32 = Infinity;
  let high: f32 = -Infinity;
  const to = boxes.codes + (<usize>((leaf * book.dim + d) * LEAF) << 2);
  for (let j = 0; j < LEAF; ++j) {
    const k = load<i32>(boxes.order + (<usize>(leaf * LEAF + min(j, count - 1)) << 2));
    const v = numberOf(book, k, d);
    low = min(low, v);
    high = max(high, v);
    store<f32>(to + (<usize>j << 2), v);
  }
  leastNumber = low;
  return high;
}

function packBiases(book: Codebook, boxes: Boxes, leaf: i32, count: i32): void {
  for (let j = 0; j < LEAF; ++j) {
    const at = <usize>(leaf * LEAF + j) << 2;
    let bias = PADDING;
    if (j < count) {
      const k = load<i32>(boxes.order + at);
      bias = load<f32>(book.bias + (<usize>k << 2));
    }
    store<f32>(boxes.biases + at, bias);
  }
}

/** The boxes of branches, four by four: fours `begin` to `end`, after `packBoxes`. Returns 0. */
export function packBranches(
  begin: i32,
  end: i32,
  scratch: usize,
  book: Codebook,
  boxes: Boxes,
): i32 {
  const dim = book.dim;
  const branches = (boxes.leaves + BRANCH - 1) / BRANCH;
  for (let b = begin * 4; b < end * 4; ++b) {
    for (let d = 0; d < dim; ++d) {
      let low: f32 = Infinity;
      let high: f32 = b < branches ? -Infinity : Infinity;
      const from = boxes.leafBounds + <usize>(b * dim + d) * (BRANCH * 8);
      for (let i = 0; b < branches && i < BRANCH; ++i) {
        if (b * BRANCH + i >= boxes.leaves) break;
        low = min(low, load<f32>(from + (<usize>i << 2)));
        high = max(high, load<f32>(from + (<usize>i << 2), BRANCH * 4));
      }
      const to = boxes.branchBounds + <usize>(((b >> 2) * dim + d) * 32 + (b & 3) * 4);
      store<f32>(to, low);
      store<f32>(to, high, 16);
    }
  }
  return 0;
}
