import { BRANCH, kdTreeHeader, LEAF } from "../../engine/binaries/headers.ts";
import { searchKernels } from "../../engine/binaries/search.ts";
import { headerAt } from "../../engine/header.ts";
import type { KernelForm } from "../../engine/kernelModule.ts";
import type { Scope } from "../../engine/memory.ts";
import type { Pool } from "../../engine/pool.ts";
import type { PackedCodebook } from "../packedCodebook.ts";
import { createLattice, type Lattice } from "./lattice.ts";
import type { PruningStage } from "./pruningStage.ts";

/** Most features of a vector: with more, boxes reach into each other. As in `assembly/search/pruning/kdTree.ts`. */
const MOST_FEATURES = 16;
/** With fewer codes there is nothing to leave out. */
const LEAST_CODES = 256;
/** The scratch memory of the stages that follow has room for the branches of so many. */
const MOST_CODES = 2 ** 22;
/** Rows that save as much as ordering the codes takes. */
const WORTH = 2048;

/** What is held once the codes are to be ordered. */
interface Held {
  readonly scope: Scope;
  readonly header: number;
  readonly order: number;
  readonly lattice: Lattice;
}

/** A k-d tree of the codes: leaves of near ones, and their boxes; undefined: it would not help. */
export function createKdTree(
  pool: Pool,
  book: PackedCodebook,
  form: KernelForm,
): PruningStage | undefined {
  const { dim, size } = book;
  if (dim > MOST_FEATURES || size < LEAST_CODES || size > MOST_CODES) return;
  const { memory } = pool;
  const leaves = Math.ceil(size / LEAF);
  const branches = Math.ceil(leaves / BRANCH);
  const fours = Math.ceil(branches / 4);
  let held: Held | undefined;

  const hold = () =>
    memory.hold((scope) => {
      const header = scope.allocate(kdTreeHeader.bytes);
      const order = scope.allocate(4 * size);
      headerAt(memory, header, kdTreeHeader).set({
        hopeless: 0,
        leaves,
        order,
        codes: scope.allocate(4 * leaves * LEAF * dim),
        biases: scope.allocate(4 * leaves * LEAF),
        leafBounds: scope.allocate(8 * branches * BRANCH * dim),
        branchBounds: scope.allocate(32 * fours * dim),
        lattice: 0,
      });
      return { scope, header, order, lattice: createLattice(pool, scope, book, form, header) };
    });

  const header = () => (held as Held).header;
  const lattice = () => (held as Held).lattice;
  const fields = () => headerAt(memory, header(), kdTreeHeader);

  async function pack(): Promise<void> {
    const { packBoxes, packBranches } = await pool.load(searchKernels, form);
    const args = [book.header, header()];
    await pool.run(packBoxes, { rows: branches, chunkRows: 1, work: 16 * size * dim, args });
    packBranches.call(0, fours, 0, book.header, header());
    await lattice().pack();
  }

  return {
    worth: WORTH,
    get header() {
      return header();
    },
    get hopeless() {
      return fields().get("hopeless") !== 0 && lattice().hopeless;
    },
    begin() {
      fields().set({ hopeless: 0 });
      lattice().begin();
    },
    async prepare() {
      const { orderCodes } = await pool.load(searchKernels, form);
      held ??= await hold();
      const { order } = held;
      await memory.lend((scope) =>
        orderCodes.call(0, 0, scope.allocate(4 * size * dim), book.header, order),
      );
      await pack();
    },
    follow: pack,
    free: () => held?.scope.free(),
  };
}
