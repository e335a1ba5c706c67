import { searchKernels } from "../engine/binaries/search.ts";
import type { KernelForm } from "../engine/kernelModule.ts";
import type { Scope } from "../engine/memory.ts";
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
  let held: { readonly scope: Scope; readonly starts: Int32Array; address: number } | undefined;
  let ready = false;
  let asked = 0; // rows searched since the codes changed
  /** Every layer with each of those before it, and the place of their table. */
  const pairs = books.flatMap((to, q) =>
    books.slice(0, q).map((from, i) => ({ from, to, place: i * layers + q })),
  );

  const hold = () =>
    memory.hold((scope) => {
      const starts = new Int32Array(layers * layers);
      for (const { from, to, place } of pairs) {
        // Whole tiles of rows are written.
        starts[place] = scope.allocate(Math.ceil(from.size / 12) * 12 * stride(to));
      }
      return { scope, starts, address: scope.copyOf(starts) };
    });

  const make = () =>
    memory.lend(async (scope) => {
      const zeros = Math.max(...books.map((book) => Math.max(stride(book), 4 * book.dim)));
      const none = scope.zeros(zeros);
      held ??= await hold();
      for (const { from, to, place } of pairs) {
        await pool.run(codeProducts, {
          rows: from.size,
          chunkRows: 96,
          work: 2 * from.size * to.size * to.dim,
          scratch: 96 * (4 * to.dim + 4) + 128,
          args: [from.header, to.header, none, (held.starts[place] as number) >>> 0],
        });
      }
      ready = true;
      return held.address;
    });

  return {
    async addressFor(rows) {
      if (bytes > MOST_BYTES || saved <= 0) return 0;
      asked += rows;
      if (!ready && saved * asked < making) return 0;
      return ready && held ? held.address : make();
    },
    forget() {
      ready = false;
      asked = 0;
    },
    free: () => held?.scope.free(),
  };
}
