import {
  FEATURES,
  kdTreeHeader,
  LEAF,
  latticeHeader,
  MOST_LEAVES,
} from "../../engine/binaries/headers.ts";
import { searchKernels } from "../../engine/binaries/search.ts";
import { headerAt } from "../../engine/header.ts";
import type { KernelForm } from "../../engine/kernelModule.ts";
import type { Scope } from "../../engine/memory.ts";
import type { Pool } from "../../engine/pool.ts";
import type { PackedCodebook } from "../packedCodebook.ts";

/** With fewer features so few leaves are near that the tree is faster. */
const LEAST_FEATURES: Record<KernelForm, number> = { relaxed: 3, plain: 4 };

/** With more codes eight leaves have a box of their own. */
const MOST_FLAT = 2048;

/** The lattice of a k-d tree's codes: its part of that stage. */
export interface Lattice {
  /** Takes over the codes of the tree. */
  pack(): Promise<void>;
  /** As those of the stage. */
  begin(): void;
  readonly hopeless: boolean;
}

/** In place of a lattice that is not to be had. */
const none: Lattice = { pack: async () => {}, begin: () => {}, hopeless: true };

/** The codes of the tree at `tree` on a lattice, in memory of `scope`. */
export function createLattice(
  pool: Pool,
  scope: Scope,
  { header: book, dim, size, metric }: PackedCodebook,
  form: KernelForm,
  tree: number,
): Lattice {
  if (metric !== "euclidean" || dim < LEAST_FEATURES[form] || dim > FEATURES) return none;
  const inBranches = size > MOST_FLAT;
  const step = inBranches ? 64 : 8;
  const leaves = Math.ceil(size / LEAF / step) * step;
  const branches = inBranches ? leaves / 8 : 0;
  // Without the instruction for pairs it gains less than the tree where a row is near few of many leaves.
  const most = form === "relaxed" ? MOST_LEAVES : 2 ** (dim + 2);
  if (leaves > most) return none;
  const header = scope.allocate(latticeHeader.bytes);
  const fields = () => headerAt(pool.memory, header, latticeHeader);
  fields().set({
    hopeless: 0,
    leaves,
    center: scope.allocate(4 * FEATURES),
    codes: scope.allocate(leaves * LEAF * FEATURES),
    biases: scope.allocate(2 * leaves * LEAF),
    boxes: scope.allocate(2 * leaves * FEATURES),
    branches,
    branchBoxes: inBranches ? scope.allocate(2 * branches * FEATURES) : 0,
    table: scope.allocate(2 * 256 * 8),
  });
  headerAt(pool.memory, tree, kdTreeHeader).set({ lattice: header });
  return {
    async pack() {
      const { packLattice } = await pool.load(searchKernels, form);
      packLattice.call(0, 0, 0, book, tree);
    },
    begin: () => fields().set({ hopeless: 0 }),
    get hopeless() {
      return fields().get("hopeless") !== 0;
    },
  };
}
