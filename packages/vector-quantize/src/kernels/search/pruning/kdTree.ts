import { BRANCH, kdTreeHeader, LEAF } from "../../engine/binaries/headers.ts";
import { searchKernels } from "../../engine/binaries/search.ts";
import { headerAt } from "../../engine/header.ts";
import type { KernelForm } from "../../engine/kernelModule.ts";
import type { Pool } from "../../engine/pool.ts";
import type { PackedCodebook } from "../packedCodebook.ts";
import type { PruningStage } from "./pruningStage.ts";

/** Most features of a vector: with more, boxes reach into each other. As in `assembly/search/pruning/kdTree.ts`. */
const MOST_FEATURES = 16;
/** With fewer codes there is nothing to leave out. */
const LEAST_CODES = 256;
/** The scratch memory of the stages that follow has room for the branches of so many. */
const MOST_CODES = 2 ** 22;
/** Rows that save as much as ordering the codes takes. */
const WORTH = 2048;

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
  let regions: number[] = [];

  function hold(): void {
    regions = [
      kdTreeHeader.bytes,
      4 * size, // order
      4 * leaves * LEAF * dim, // codes
      4 * leaves * LEAF, // biases
      8 * branches * BRANCH * dim, // bounds of leaves
      32 * fours * dim, // bounds of branches
    ].map((bytes) => memory.allocate(bytes));
    const [, order = 0, codes = 0, biases = 0, leafBounds = 0, branchBounds = 0] = regions;
    fields().set({ hopeless: 0, leaves, order, codes, biases, leafBounds, branchBounds });
  }

  const fields = () => headerAt(memory, regions[0] as number, kdTreeHeader);

  async function pack(): Promise<void> {
    const { packBoxes, packBranches } = await pool.load(searchKernels, form);
    const args = [book.header, regions[0] as number];
    await pool.run(packBoxes, { rows: branches, chunkRows: 1, work: 16 * size * dim, args });
    packBranches.call(0, fours, 0, book.header, regions[0] as number);
  }

  return {
    worth: WORTH,
    get header() {
      return regions[0] as number;
    },
    get hopeless() {
      return fields().get("hopeless") !== 0;
    },
    begin: () => fields().set({ hopeless: 0 }),
    async prepare() {
      const { orderCodes } = await pool.load(searchKernels, form);
      if (regions.length === 0) hold();
      const scratch = memory.allocate(4 * size * dim);
      orderCodes.call(0, 0, scratch, book.header, regions[1] as number);
      memory.free(scratch);
      await pack();
    },
    follow: pack,
    free() {
      for (const region of regions) memory.free(region);
      regions = [];
    },
  };
}
