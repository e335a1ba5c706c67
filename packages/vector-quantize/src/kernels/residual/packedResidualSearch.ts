import { expected } from "../../errors.ts";
import { searchKernels } from "../engine/binaries/search.ts";
import type { KernelForm } from "../engine/kernelModule.ts";
import type { Job, Kernel, Pool } from "../engine/pool.ts";
import { countRows, invalidRow } from "../invalid.ts";
import {
  checkFinite,
  type PackedCodebook,
  type PackOptions,
  packCodebook,
} from "../search/packedCodebook.ts";
import { filterScratch } from "../search/pruning/filterCodebook.ts";
import type { Pruning } from "../search/pruning/pruning.ts";
import { fastestPruning } from "../search/pruning/pruningChoice.ts";
import type { TileShape } from "../search/tileShape.ts";
import { createTables, type Tables } from "./codeProducts.ts";
import { checkLayers, type LayerLayout, layoutOf } from "./layerLayout.ts";
import type { ResidualIndices, ResidualSearch, ResidualSettings } from "./residualSearch.ts";

/** Numbers per call into the pool's memory, so that its size does not depend on N. */
const PART = 2 ** 23;
/** Rows that a thread searches at a time, and bytes of them that fit the second-level cache. */
const BLOCK_ROWS = 144;
const BLOCK_BYTES = 2 ** 19;
/** Sequences whose scores a thread keeps at a time. */
const SCANNED_ROWS = 96;

/** A residual search on the kernels of a pool, with this tile shape. */
export async function createPackedResidualSearch(
  pool: Pool,
  tile: TileShape,
  form: KernelForm,
  codebooks: readonly Float32Array[],
  settings: ResidualSettings,
): Promise<ResidualSearch> {
  const { dim, beam, weights, limit } = settings;
  const layers = codebooks.length;
  const kernels = await pool.load(searchKernels, form);
  const books = await packLayers(pool, codebooks, { dim, tile, form, limit });
  const filters = await filterLayers(pool, beam === 1 ? books : [], form);
  const { memory } = pool;
  const headers = memory.allocate(4 * layers);
  memory.i32(headers, layers).set(books.map((book) => book.header));
  const filterHeaders = memory.allocate(4 * layers);
  const weightsAt = memory.allocate(8 * layers);
  memory.f64(weightsAt, layers).set(weights);
  const tables = beam > 1 ? await createTables(pool, books, { form, beam }) : undefined;
  const search = new PackedResidualSearch(pool, codebooks, settings, {
    form,
    books,
    filters,
    headers,
    filterHeaders,
    weights: weightsAt,
    tables,
    kernels,
  });
  try {
    await search.set(codebooks);
  } catch (error) {
    search.dispose();
    throw error;
  }
  return search;
}

/** Room for the codebooks; an array that is given for several layers is packed once. */
async function packLayers(
  pool: Pool,
  codebooks: readonly Float32Array[],
  options: Omit<PackOptions, "size" | "metric">,
): Promise<PackedCodebook[]> {
  const books: PackedCodebook[] = [];
  for (const [q, codebook] of codebooks.entries()) {
    const shared = books[codebooks.indexOf(codebook)];
    const size = codebook.length / options.dim;
    books[q] = shared ?? (await packCodebook(pool, { ...options, size, metric: "euclidean" }));
  }
  return books;
}

/** Room for their integers, where they are faster: one for each book, shared as the books are. */
function filterLayers(
  pool: Pool,
  books: readonly PackedCodebook[],
  form: KernelForm,
): Promise<Map<PackedCodebook, Pruning>> {
  return pool.exclusive(async () => {
    const filters = new Map<PackedCodebook, Pruning>();
    for (const book of new Set(books)) {
      filters.set(book, await fastestPruning(pool, book, form));
    }
    return filters;
  });
}

/** What a search holds in the pool's memory. */
interface Layers {
  readonly form: KernelForm;
  readonly books: readonly PackedCodebook[];
  /** The integers of each book; none with a beam. */
  readonly filters: ReadonlyMap<PackedCodebook, Pruning>;
  /** Address of the addresses of the integers, u32 `[Q]`; 0 for a layer without. */
  readonly filterHeaders: number;
  /** Address of the codebooks' headers, u32 `[Q]`. */
  readonly headers: number;
  /** Address of the weights, f64 `[Q]`. */
  readonly weights: number;
  readonly tables: Tables | undefined;
  readonly kernels: Record<"residualNearest" | "residualBeam" | "residualBeamBytes", Kernel>;
}

class PackedResidualSearch implements ResidualSearch {
  readonly layers: number;
  readonly #pool: Pool;
  readonly #settings: ResidualSettings;
  readonly #held: Layers;
  readonly #layout: LayerLayout;
  #disposed = false;

  constructor(
    pool: Pool,
    codebooks: readonly Float32Array[],
    settings: ResidualSettings,
    held: Layers,
  ) {
    this.#pool = pool;
    this.#settings = settings;
    this.#held = held;
    this.layers = codebooks.length;
    this.#layout = layoutOf(codebooks);
  }

  async set(codebooks: readonly Float32Array[]): Promise<void> {
    checkLayers(codebooks, this.#layout);
    return this.#exclusive(async () => {
      const { books, filters, tables } = this.#held;
      const changed = new Map<PackedCodebook, Float32Array>();
      for (const [q, codebook] of codebooks.entries()) {
        const book = books[q] as PackedCodebook;
        if (!changed.has(book) && !book.holds(codebook)) changed.set(book, codebook);
      }
      for (const codebook of changed.values()) checkFinite(codebook, this.#settings.dim);
      if (changed.size > 0) tables?.forget();
      for (const [book, codebook] of changed) {
        await book.take(codebook);
        await filters.get(book)?.update();
      }
    });
  }

  async nearest(vectors: Float32Array): Promise<ResidualIndices> {
    const { dim, beam } = this.#settings;
    const { kernels } = this.#held;
    const { layers } = this;
    const rows = countRows("nearest", vectors, dim);
    const indices = new Int32Array(rows * layers);
    const part = Math.max(1, Math.floor(PART / dim));
    const { memory } = this.#pool;
    const invalidRows = await this.#exclusive(async () => {
      const table = (await this.#held.tables?.addressFor(rows)) ?? 0;
      const held = Math.min(part, rows);
      const [x, to] = memory.allocateAll(4 * held * dim, 4 * held * layers);
      let bad = 0;
      try {
        for (let first = 0; first < rows; first += part) {
          const count = Math.min(part, rows - first);
          const job =
            beam === 1 ? await this.#greedyJob(count, x, to) : this.#beamJob(count, table, x, to);
          bad += await this.#pool.run(beam === 1 ? kernels.residualNearest : kernels.residualBeam, {
            ...job,
            fill(begin, end) {
              const from = vectors.subarray((first + begin) * dim, (first + end) * dim);
              memory.f32(x + 4 * begin * dim, from.length).set(from);
            },
          });
          indices.set(memory.i32(to, count * layers), first * layers);
        }
      } finally {
        memory.free(x);
        memory.free(to);
      }
      return bad;
    });
    const { throws, limit } = this.#settings;
    if (invalidRows > 0 && throws) {
      throw invalidRow("nearest", vectors, dim, indices.indexOf(-1) / layers, limit);
    }
    return { indices, invalidRows };
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const { books, filters, tables, headers, filterHeaders, weights } = this.#held;
    const { memory } = this.#pool;
    // After the searches under way. A pool that is disposed of has given all its memory back.
    this.#pool
      .exclusive(() => {
        for (const held of [...new Set(books), ...filters.values()]) held.free();
        tables?.free();
        for (const start of [headers, filterHeaders, weights]) memory.free(start);
      })
      .catch(() => {});
  }

  #exclusive<T>(task: () => Promise<T>): Promise<T> {
    if (this.#disposed) throw expected("search", "one that is in use", "one that was disposed of");
    return this.#pool.exclusive(task);
  }

  async #greedyJob(rows: number, x: number, to: number): Promise<Job> {
    const { dim } = this.#settings;
    const { headers, filterHeaders, filters, books, form } = this.#held;
    for (const [q, book] of books.entries()) {
      const address = (await filters.get(book)?.start(rows, "nearest")) ?? 0;
      this.#pool.memory.i32(filterHeaders + 4 * q, 1)[0] = address;
    }
    const chunkRows = this.#chunkRows(rows, Math.min(BLOCK_ROWS, BLOCK_BYTES / (8 * dim)));
    const blockRows = 12 * Math.ceil(chunkRows / 12); // all tile heights divide 12
    return {
      rows,
      chunkRows,
      work: rows * operations(books, 1),
      scratch: blockRows * (4 * dim + 8) + 32 + filterScratch(dim, blockRows, form),
      args: [headers, filterHeaders, this.layers, x, to, blockRows],
    };
  }

  /** At most about `most` rows, whole tiles, and as many chunks for one thread as for another. */
  #chunkRows(rows: number, most: number): number {
    const { threads } = this.#pool;
    const height = this.#held.books[0]?.tile.rows ?? 1;
    const each = Math.max(4, Math.ceil(rows / (threads * most)));
    return height * Math.max(1, Math.round(rows / (threads * each * height)));
  }

  #beamJob(rows: number, table: number, x: number, to: number): Job {
    const { beam, carry } = this.#settings;
    const { weights, headers, books, kernels } = this.#held;
    const { layers } = this;
    const scans = table === 0 ? beam : 1; // of a row in a layer
    const most = Math.min(SCANNED_ROWS / scans, rows / (4 * this.#pool.threads));
    const blockRows = Math.max(1, Math.floor(most));
    const sizes = [headers, layers, beam, table, blockRows];
    return {
      rows,
      chunkRows: blockRows,
      work: rows * operations(books, scans),
      scratch: kernels.residualBeamBytes.call(0, 0, 0, ...sizes),
      args: [headers, layers, beam, weights, carry, table, x, to, blockRows],
    };
  }
}

/** Multiplications and additions for one row whose layers after the first are scanned `wide` times. */
function operations(books: readonly PackedCodebook[], wide: number): number {
  return books.reduce((sum, { size, dim }, q) => sum + 2 * size * dim * (q === 0 ? 1 : wide), 0);
}
