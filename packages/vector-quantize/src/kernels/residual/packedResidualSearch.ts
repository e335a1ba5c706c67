import { expected } from "../../errors.ts";
import { searchKernels } from "../engine/binaries/search.ts";
import type { KernelForm } from "../engine/kernelModule.ts";
import type { Scope } from "../engine/memory.ts";
import { type JobOfPart, type PartJob, runInParts } from "../engine/parts.ts";
import type { Kernel, Pool } from "../engine/pool.ts";
import { countRows, invalidRow } from "../invalid.ts";
import type { MemoryRows, MemorySearch } from "../search/memorySearch.ts";
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
  const kernels = await pool.load(searchKernels, form);
  const make = async (scope: Scope) => {
    const books = await packLayers(pool, scope, codebooks, { dim, tile, form, limit });
    const filters = await filterLayers(pool, scope, beam === 1 ? books : [], form);
    const search = new PackedResidualSearch(pool, codebooks, settings, {
      scope,
      form,
      books,
      filters,
      headers: scope.copyOf(Int32Array.from(books, ({ header }) => header)),
      filterHeaders: scope.allocate(4 * books.length),
      weights: scope.copyOf(Float64Array.from(weights)),
      tables: beam > 1 ? scope.adopt(await createTables(pool, books, { form, beam })) : undefined,
      kernels,
    });
    await search.take(codebooks);
    return search;
  };
  return pool.exclusive(() => pool.memory.hold(make));
}

/** Room for the codebooks; an array that is given for several layers is packed once. */
async function packLayers(
  pool: Pool,
  scope: Scope,
  codebooks: readonly Float32Array[],
  options: Omit<PackOptions, "size" | "metric">,
): Promise<PackedCodebook[]> {
  const books: PackedCodebook[] = [];
  for (const [q, codebook] of codebooks.entries()) {
    const size = codebook.length / options.dim;
    books[q] =
      books[codebooks.indexOf(codebook)] ??
      scope.adopt(await packCodebook(pool, { ...options, size, metric: "euclidean" }));
  }
  return books;
}

/** Room for their integers, where they are faster: one for each book, shared as the books are. */
async function filterLayers(
  pool: Pool,
  scope: Scope,
  books: readonly PackedCodebook[],
  form: KernelForm,
): Promise<Map<PackedCodebook, Pruning>> {
  const filters = new Map<PackedCodebook, Pruning>();
  for (const book of new Set(books)) {
    filters.set(book, scope.adopt(await fastestPruning(pool, book, form)));
  }
  return filters;
}

/** What a search holds in the pool's memory. */
interface Layers {
  readonly scope: Scope;
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

class PackedResidualSearch implements ResidualSearch, MemorySearch {
  readonly layers: number;
  readonly pool: Pool;
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
    this.pool = pool;
    this.#settings = settings;
    this.#held = held;
    this.layers = codebooks.length;
    this.#layout = layoutOf(codebooks);
  }

  async set(codebooks: readonly Float32Array[]): Promise<void> {
    checkLayers(codebooks, this.#layout);
    return this.#exclusive(() => this.take(codebooks));
  }

  /** As `set`, of codebooks of the right sizes, inside `exclusive`. */
  async take(codebooks: readonly Float32Array[]): Promise<void> {
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
  }

  async nearest(vectors: Float32Array): Promise<ResidualIndices> {
    const { dim, layers } = this;
    const rows = countRows("nearest", vectors, dim);
    const indices = new Int32Array(rows * layers);
    const outside = { rows, from: vectors, to: [indices] };
    const invalidRows = await this.#exclusive(async (scope) => {
      const { kernel, jobOf } = await this.#plan(rows);
      return runInParts(this.pool, scope, kernel, outside, jobOf);
    });
    const { throws, limit } = this.#settings;
    if (invalidRows > 0 && throws) {
      throw invalidRow("nearest", vectors, dim, indices.indexOf(-1) / layers, limit);
    }
    return { indices, invalidRows };
  }

  get dim(): number {
    return this.#settings.dim;
  }

  get books(): readonly PackedCodebook[] {
    return this.#held.books;
  }

  async find({ rows, at, fill }: MemoryRows, to: number): Promise<void> {
    const { kernel, jobOf } = await this.#plan(rows);
    await this.pool.run(kernel, { ...(await jobOf(rows, at, to)), rows, ...(fill && { fill }) });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    // After the searches under way. A pool that is disposed of has given all its memory back.
    this.pool.exclusive(() => this.#held.scope.free()).catch(() => {});
  }

  #exclusive<T>(task: (scope: Scope) => Promise<T>): Promise<T> {
    if (this.#disposed) throw expected("search", "one that is in use", "one that was disposed of");
    return this.pool.exclusive(task);
  }

  /** How a search of so many rows is done. */
  async #plan(rows: number): Promise<{ kernel: Kernel; jobOf: JobOfPart }> {
    const { kernels, tables } = this.#held;
    if (this.#settings.beam === 1) {
      const jobOf: JobOfPart = (count, x, to) => this.#greedyJob(count, x, to as number);
      return { kernel: kernels.residualNearest, jobOf };
    }
    const table = (await tables?.addressFor(rows)) ?? 0;
    const jobOf: JobOfPart = (count, x, to) => this.#beamJob(count, table, x, to as number);
    return { kernel: kernels.residualBeam, jobOf };
  }

  async #greedyJob(rows: number, x: number, to: number): Promise<PartJob> {
    const { dim } = this.#settings;
    const { headers, filterHeaders, filters, books, form } = this.#held;
    for (const [q, book] of books.entries()) {
      const address = (await filters.get(book)?.start(rows, "nearest")) ?? 0;
      this.pool.memory.i32(filterHeaders + 4 * q, 1)[0] = address;
    }
    const chunkRows = this.#chunkRows(rows, Math.min(BLOCK_ROWS, BLOCK_BYTES / (8 * dim)));
    const blockRows = 12 * Math.ceil(chunkRows / 12); // all tile heights divide 12
    return {
      chunkRows,
      work: rows * operations(books, 1),
      scratch: blockRows * (4 * dim + 8) + 32 + filterScratch(dim, blockRows, form),
      args: [headers, filterHeaders, this.layers, x, to, blockRows],
    };
  }

  /** At most about `most` rows, whole tiles, and as many chunks for one thread as for another. */
  #chunkRows(rows: number, most: number): number {
    const { threads } = this.pool;
    const height = this.#held.books[0]?.tile.rows ?? 1;
    const each = Math.max(4, Math.ceil(rows / (threads * most)));
    return height * Math.max(1, Math.round(rows / (threads * each * height)));
  }

  #beamJob(rows: number, table: number, x: number, to: number): PartJob {
    const { beam, carry } = this.#settings;
    const { weights, headers, books, kernels } = this.#held;
    const { layers } = this;
    const scans = table === 0 ? beam : 1; // of a row in a layer
    const most = Math.min(SCANNED_ROWS / scans, rows / (4 * this.pool.threads));
    const blockRows = Math.max(1, Math.floor(most));
    const sizes = [headers, layers, beam, table, blockRows];
    return {
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
