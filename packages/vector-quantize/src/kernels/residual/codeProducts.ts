import { searchKernels } from "../engine/binaries/search.ts";
import type { KernelForm } from "../engine/kernelModule.ts";
import type { Pool } from "../engine/pool.ts";
import type { PackedCodebook } from "../search/packedCodebook.ts";

/** Products between the codes of two layers, for the beam search. */
export interface Tables {
  /**
   * The address that `residualBeam` takes for a search over `rows` rows more: the tables if they are
   * there or would have paid for themselves on the rows so far, else 0. Call it inside
   * `pool.exclusive`.
   */
  addressFor(rows: number): Promise<number>;
  /** Lets the tables be computed anew: the codes have changed. */
  forget(): void;
  free(): void;
}

interface TableOptions {
  readonly form: KernelForm;
  readonly beam: number;
}

/** Above this the tables are not made. */
const MOST_BYTES = 2 ** 29;
/**
 * An addition from a table takes as long as so many multiply-adds of the scan: tables of 8 x 1024
 * codes lie in main memory.
 */
const ADDITION = 17;

/** Tables for these layers; they are made when they are first worth it. */
export async function createTables(
  pool: Pool,
  books: readonly PackedCodebook[],
  { form, beam }: TableOptions,
): Promise<Tables> {
  const { memory } = pool;
  const layers = books.length;
  const { codeProducts } = await pool.load(searchKernels, form);
  const stride = ({ size, tile }: PackedCodebook) => 4 * Math.ceil(size / tile.codes) * tile.codes;
  let bytes = 0;
  let making = 0; // multiply-adds to make them
  let saved = 0; // multiply-adds that they save for one row
  for (const [q, to] of books.entries()) {
    for (const from of books.slice(0, q)) {
      bytes += from.size * stride(to);
      making += from.size * to.size * to.dim;
    }
    if (q > 0) saved += to.size * ((beam - 1) * to.dim - ADDITION * beam * q);
  }
  const addresses = memory.allocate(4 * layers * layers);
  let regions: number[] = [];
  let ready = false;
  let asked = 0; // rows searched since the codes changed

  async function make(): Promise<void> {
    const zeros = Math.max(...books.map((book) => Math.max(stride(book), 4 * book.dim)));
    const none = memory.allocate(zeros);
    memory.f32(none, zeros / 4).fill(0);
    if (regions.length === 0) {
      const table = new Int32Array(layers * layers);
      for (const [q, to] of books.entries()) {
        for (const [i, from] of books.slice(0, q).entries()) {
          // Whole tiles of rows are written.
          const start = memory.allocate(Math.ceil(from.size / 12) * 12 * stride(to));
          regions.push(start);
          table[i * layers + q] = start;
        }
      }
      memory.i32(addresses, table.length).set(table);
    }
    const starts = memory.i32(addresses, layers * layers).slice();
    for (const [q, to] of books.entries()) {
      for (const [i, from] of books.slice(0, q).entries()) {
        await pool.run(codeProducts, {
          rows: from.size,
          chunkRows: 96,
          work: 2 * from.size * to.size * to.dim,
          scratch: 96 * (4 * to.dim + 4) + 128,
          args: [from.header, to.header, none, (starts[i * layers + q] as number) >>> 0],
        });
      }
    }
    memory.free(none);
    ready = true;
  }

  return {
    async addressFor(rows) {
      if (bytes > MOST_BYTES || saved <= 0) return 0;
      asked += rows;
      if (!ready && saved * asked < making) return 0;
      if (!ready) await make();
      return addresses;
    },
    forget() {
      ready = false;
      asked = 0;
    },
    free() {
      memory.free(addresses);
      for (const start of regions) memory.free(start);
      regions = [];
    },
  };
}
