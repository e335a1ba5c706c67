/**
 * The nearest code among up to eight features, on a lattice of integers: leaves of the k-d tree whose boxes are too
 * far away are left out, and of the others the codes that may be the nearest are looked at in f32.
 *
 * Row and codes are rounded to points of one lattice, X = round(f (x - m)) and C = round(2 f (c - m)) / 2. That
 * moves them by e_x and by e_c at most, so f |x - c| and |X - C| differ by e = e_x + e_c at most, and the nearest
 * code j has |X - C_j| <= f |x - c_k| + e <= |X - C_k| + 2 e for every k. Distances on the lattice are exact in 16
 * bits.
 * `docs/exact-search.md` has the rest of the proof.
 *
 * Many rows go through each step side by side, and what a step finds is listed without a branch: a mispredicted
 * one would cost more than the work between two of them.
 */
import { Codebook } from "../packedCodebook";
import { KdTree, Lattice } from "./filterCodebook";
import { listLeavesOfBranches, seedInBranches } from "./latticeBranches";
import { listLeaves, place, seed, setLimits, visitLeaves } from "./latticeLeaves";
import { POINT, Round } from "./latticeRound";
import { listGroups, scoreGroups, winnerOf } from "./latticeWinner";

/** Share of the rows, 1 / this, that may be left open before this does not pay. */
const MOST_OPEN: i32 = 8;

/**
 * The nearest codes of the `count` rows at `rows`, the lowest index on ties, to `found` (i32): -1 for a row that is
 * not finite, off the lattice, or so far from all leaves that 16 bits are too few. Euclidean codebooks only.
 * `scratch` (16-byte aligned) holds `ROUND_BYTES`.
 */
export function searchLattice(
  book: Codebook,
  tree: KdTree,
  lattice: Lattice,
  rows: usize,
  count: i32,
  found: usize,
  scratch: usize,
): void {
  const round = changetype<Round>(scratch);
  round.begin(scratch);
  const most = round.mostRows(lattice.leaves);
  const rowBytes = <usize>book.dim << 2;
  let open = 0;
  for (let first = 0; first < count; first += most) {
    const taken = min(most, count - first);
    const row = rows + <usize>first * rowBytes;
    round.count = taken;
    for (let i = 0; i < taken; ++i) {
      place(book, lattice, row + <usize>i * rowBytes, round.points + <usize>i * POINT);
    }
    const inBranches = lattice.branches != 0;
    if (inBranches) seedInBranches(lattice, round);
    else seed(lattice, round);
    visitLeaves(lattice, round, 0, 2 * taken);
    setLimits(book, tree, lattice, round);
    if (inBranches) listLeavesOfBranches(lattice, round);
    else listLeaves(lattice, round);
    visitLeaves(lattice, round, 2 * taken, round.visits);
    listGroups(lattice, round);
    scoreGroups(tree, book.dim, round);
    const to = found + (<usize>first << 2);
    for (let i = 0; i < taken; ++i) {
      const k = winnerOf(book, tree, lattice, round, row + <usize>i * rowBytes, <usize>i * POINT);
      store<i32>(to + (<usize>i << 2), k);
      open += <i32>(k < 0);
    }
  }
  if (open > count / MOST_OPEN) lattice.hopeless = 1;
}
