import { boxesBinary } from "../../binaries/boxes.wasm.ts";
import type { KernelForm } from "../../engine/binary.ts";
import type { Pool } from "../../engine/pool.ts";
import type { PackedCodebook } from "../packedCodebook.ts";
import type { Shortcut } from "./pruningStage.ts";

/** Most features of a vector: with more, boxes reach into each other. As in `assembly/shared/boxes.ts`. */
const MOST_FEATURES = 16;
/** With fewer codes there is nothing to leave out. */
const LEAST_CODES = 256;
/** The scratch memory of the stages that follow has room for the branches of so many. */
const MOST_CODES = 2 ** 22;
/** Rows that save as much as ordering the codes takes. */
const WORTH = 2048;

// As in `assembly/shared/filterCodebook.ts`.
const HEADER_BYTES = 28;
const LEAF = 32;
const BRANCH = 16;

/** Leaves of near codes, and their boxes; undefined: they would not help. */
export function createBoxes(
  pool: Pool,
  book: PackedCodebook,
  form: KernelForm,
): Shortcut | undefined {
  const { dim, size } = book;
  if (dim > MOST_FEATURES || size < LEAST_CODES || size > MOST_CODES) return;
  const { memory } = pool;
  const leaves = Math.ceil(size / LEAF);
  const branches = Math.ceil(leaves / BRANCH);
  const fours = Math.ceil(branches / 4);
  let regions: number[] = [];

  function hold(): void {
    regions = [
      HEADER_BYTES,
      4 * size, // order
      4 * leaves * LEAF * dim, // codes
      4 * leaves * LEAF, // biases
      8 * branches * BRANCH * dim, // bounds of leaves
      32 * fours * dim, // bounds of branches
    ].map((bytes) => memory.allocate(bytes));
    const [header = 0, ...parts] = regions;
    memory.i32(header, HEADER_BYTES / 4).set([0, leaves, ...parts]);
  }

  async function pack(): Promise<void> {
    const { packBoxes, packBranches } = await pool.load(boxesBinary, form);
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
      return memory.i32(regions[0] as number, 1)[0] !== 0;
    },
    begin() {
      memory.i32(regions[0] as number, 1)[0] = 0;
    },
    async prepare() {
      const { orderCodes } = await pool.load(boxesBinary, form);
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
