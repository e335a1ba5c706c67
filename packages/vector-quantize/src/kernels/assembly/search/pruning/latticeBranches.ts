/** Rows of `lattice.ts` on their way to leaves by way of branches: eight leaves have a box, too. */
import { Lattice } from "./filterCodebook";
import { gapsOf, listNear, listPairs, takeOut } from "./latticeLeaves";
import { leastInAll, PAIRS, POINT, Point, Round } from "./latticeRound";

/** As `seed`: of the nearest of the even branches and of the odd ones the nearest leaf each. */
export function seedInBranches(lattice: Lattice, round: Round): void {
  listPairs(round, lattice.branchBoxes, lattice.branches, round.branches, round.branchOwners);
  measureBranches(lattice, round, 0, 2 * round.count);
  let gaps = round.leafGaps;
  for (let i = 0; i < round.count; ++i) {
    const even = nearestLane(v128.load(gaps));
    const odd = nearestLane(v128.load(gaps, 16));
    const point = changetype<Point>(round.points + <usize>i * POINT);
    const a = takeOut(gaps, even);
    point.limit = max(a, takeOut(gaps, odd + 8));
    const pair = load<u32>(round.branches + (<usize>i << 2));
    store<u32>(round.leaves + (<usize>i << 2), (pair << 3) + even + (odd << 16));
    gaps += 32;
  }
  memory.copy(round.owners, round.branchOwners, <usize>round.count << 2);
}

/** The first lane of the least number. */
// @ts-ignore: decorator
@inline
function nearestLane(gaps: v128): i32 {
  return <i32>ctz(i16x8.bitmask(i16x8.eq(gaps, leastInAll(gaps))));
}

/** As `listLeaves`, of the branches that are near enough. */
export function listLeavesOfBranches(lattice: Lattice, round: Round): void {
  const branchesEnd = listNear(
    lattice, round, lattice.branches, round.branches, round.branchOwners,
  );
  const listed = <i32>(branchesEnd - round.branches >> 1);
  measureBranches(lattice, round, 2 * round.count, listed);
  const table = lattice.table;
  let branch = round.branches;
  let branchOwner = round.branchOwners;
  let gaps = round.leafGaps;
  let to = round.leaves + (<usize>round.count << 2);
  let owners = round.owners + (<usize>round.count << 2);
  do {
    const owner = load<u16>(branchOwner);
    const above = <i16>(changetype<Point>(round.points + <usize>owner).limit + 1);
    const open = i16x8.bitmask(i16x8.lt_s(v128.load(gaps), i16x8.splat(above)));
    const first = i16x8.splat(<i16>(load<u16>(branch) << 3));
    v128.store(to, i16x8.add(v128.load(table + (<usize>open << 4)), first));
    v128.store(owners, i16x8.splat(<i16>owner));
    const more = <usize>popcnt(open) << 1;
    to += more;
    owners += more;
    gaps += 16;
    branch += 2;
    branchOwner += 2;
  } while (branch != branchesEnd);
  round.visits = <i32>(to - round.leaves >> 1);
}

/** The squared distances to the leaves of the listed branches from place `first` to `last`. */
function measureBranches(lattice: Lattice, round: Round, first: i32, last: i32): void {
  let owners = round.branchOwners + (<usize>first << 1);
  let branches = round.branches + (<usize>first << 1);
  const end = round.leafGaps + (<usize>last << 4);
  for (let to = round.leafGaps + (<usize>first << 4); to != end; to += 16) {
    const at = round.points + <usize>load<u16>(owners);
    const x0 = v128.load32_splat(at, PAIRS);
    const x1 = v128.load32_splat(at, PAIRS + 4);
    const x2 = v128.load32_splat(at, PAIRS + 8);
    const x3 = v128.load32_splat(at, PAIRS + 12);
    const boxes = lattice.boxes + (<usize>load<u16>(branches) << 7);
    v128.store(to, gapsOf(boxes, x0, x1, x2, x3));
    owners += 2;
    branches += 2;
  }
}
