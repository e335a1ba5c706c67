import { expected } from "../../errors.ts";
import { searchKernels } from "../engine/binaries/search.ts";
import type { KernelForm } from "../engine/kernelModule.ts";
import type { Scope } from "../engine/memory.ts";
import { type JobOfPart, type PartJob, runInParts } from "../engine/parts.ts";
import type { Kernel, Pool } from "../engine/pool.ts";
import { countRows, invalidRow } from "../invalid.ts";
import { marginsOf } from "./margins.ts";
import type { MemoryRows, MemorySearch } from "./memorySearch.ts";
import { type KernelMetric, type PackedCodebook, packCodebook } from "./packedCodebook.ts";
import { filterScratch, topKFilterScratch } from "./pruning/filterCodebook.ts";
import type { Pruning } from "./pruning/pruning.ts";
import { fastestPruning, integersAreFaster } from "./pruning/pruningChoice.ts";
import type { Nearest, Search } from "./search.ts";
import { checkCodebook, checkTopK, type SearchSettings } from "./searchSettings.ts";
import { fastestTile, nearestScratch, topKScratch } from "./tileChoice.ts";

/** Bytes of packed vectors that a thread works on at a time: fits the second-level cache. */
const BLOCK_BYTES = 49152;
/** Work of a chunk below which taking it would show. */
const CHUNK_WORK = 2e6;
/** Most codes that the filter looks for. */
const MOST_FILTERED = 32;
/**
 * From so many features and codes on, the nearest is found as the `k` nearest are, with `k` 1: more codes lie
 * within the bound than the kernel for one keeps, and of many the nearest had better be looked at first.
 */
const [MANY_FEATURES, MANY_CODES] = [192, 4096];

/** How a search is done. */
interface Plan {
  readonly kernel: Kernel;
  readonly scratch: number;
  readonly blockRows: number;
  /** What the kernel takes after its usual arguments. */
  readonly more: readonly number[];
}

/** A search on the kernels of a pool. */
export class PackedSearch implements Search, MemorySearch {
  readonly dim: number;
  readonly size: number;
  readonly metric: KernelMetric;
  readonly pool: Pool;
  readonly books: readonly [PackedCodebook];
  readonly #held: Scope;
  readonly #pruning: Pruning;
  readonly #settings: SearchSettings;
  readonly #form: KernelForm;
  readonly #blockRows: number;
  #disposed = false;

  private constructor(
    pool: Pool,
    held: Scope,
    book: PackedCodebook,
    pruning: Pruning,
    settings: SearchSettings,
    form: KernelForm,
  ) {
    this.pool = pool;
    this.#held = held;
    this.books = [book];
    this.#pruning = pruning;
    this.#settings = settings;
    this.#form = form;
    this.dim = book.dim;
    this.size = book.size;
    this.metric = book.metric;
    this.#blockRows = Math.min(96, Math.max(12, wholeTiles(BLOCK_BYTES / (4 * this.dim))));
  }

  static async create(
    codebook: Float32Array,
    settings: SearchSettings,
    pool: Pool,
    form: KernelForm,
  ): Promise<PackedSearch> {
    const { dim, size, metric, limit } = settings;
    const make = async (scope: Scope) => {
      const tile = await fastestTile(pool, form, dim);
      const options = { dim, size, metric, tile, form, limit };
      const book = scope.adopt(await packCodebook(pool, options));
      const pruning = scope.adopt(await fastestPruning(pool, book, form));
      await book.set(codebook);
      await pruning.update();
      return new PackedSearch(pool, scope, book, pruning, settings, form);
    };
    return pool.exclusive(() => pool.memory.hold(make));
  }

  nearest(vectors: Float32Array): Promise<Nearest> {
    return this.#search("nearest", vectors, 1, (rows) => this.#planNearest(rows));
  }

  async find({ rows, at, fill }: MemoryRows, to: number, scope: Scope): Promise<void> {
    const plan = await this.#planNearest(rows);
    const job = this.#job(plan, rows, at, to, scope.allocate(4 * rows));
    await this.pool.run(plan.kernel, { ...job, rows, ...(fill && { fill }) });
  }

  async #planNearest(rows: number): Promise<Plan> {
    const many = this.dim >= MANY_FEATURES && this.size >= MANY_CODES;
    if (many && (await integersAreFaster(this.pool, this.#form, this.#book))) {
      return this.#planTopK(rows, 1);
    }
    const { nearest, nearestFiltered } = await this.pool.load(searchKernels, this.#form);
    const blockRows = this.#blockRows;
    const pruned = await this.#pruning.start(rows, "nearest");
    if (pruned === 0) {
      return { kernel: nearest, scratch: nearestScratch(this.dim, blockRows), blockRows, more: [] };
    }
    // Twice the rows: more of them share the tiles in which open ones are searched again.
    const scratch = filterScratch(this.dim, 2 * blockRows, this.#form);
    return { kernel: nearestFiltered, scratch, blockRows: 2 * blockRows, more: [pruned] };
  }

  async nearestTopK(vectors: Float32Array, k: number): Promise<Nearest> {
    checkTopK(k, this.size);
    return this.#search("nearestTopK", vectors, k, (rows) => this.#planTopK(rows, k));
  }

  async #planTopK(rows: number, k: number): Promise<Plan> {
    const { nearestTopK, nearestTopKFiltered } = await this.pool.load(searchKernels, this.#form);
    const blockRows = this.#blockRows;
    const few = k <= MOST_FILTERED;
    const faster = few && (await integersAreFaster(this.pool, this.#form, this.#book, k));
    const pruned = faster ? await this.#pruning.start(rows, "top-k") : 0;
    if (pruned === 0) {
      const scratch = topKScratch(this.dim, blockRows, k);
      return { kernel: nearestTopK, scratch, blockRows, more: [k] };
    }
    const scratch = topKFilterScratch(this.dim, blockRows, k, this.#form);
    return { kernel: nearestTopKFiltered, scratch, blockRows, more: [k, pruned] };
  }

  async verify(vectors: Float32Array, indices: Int32Array): Promise<Float64Array<ArrayBuffer>> {
    const { codes, size, dim } = this.#book;
    const codebook = await this.#exclusive(async () =>
      this.pool.memory.f32(codes, size * dim).slice(),
    );
    return marginsOf(vectors, indices, codebook, this);
  }

  async setCodebook(codebook: Float32Array): Promise<void> {
    checkCodebook(codebook, this.#book);
    return this.#exclusive(async () => {
      if (this.#book.holds(codebook)) return;
      await this.#book.set(codebook);
      await this.#pruning.update();
    });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    // After the searches under way. A pool that is disposed of has given all its memory back.
    this.pool.exclusive(() => this.#held.free()).catch(() => {});
  }

  #exclusive<T>(task: (scope: Scope) => Promise<T>): Promise<T> {
    if (this.#disposed) throw expected("search", "one that is in use", "one that was disposed of");
    return this.pool.exclusive(task);
  }

  async #search(
    where: string,
    vectors: Float32Array,
    k: number,
    plan: (rows: number) => Promise<Plan>,
  ): Promise<Nearest> {
    const { dim } = this;
    const n = countRows(where, vectors, dim);
    const indices = new Int32Array(n * k);
    const distances = new Float32Array(n * k);
    const outside = { rows: n, from: vectors, to: [indices, distances] };
    const invalidRows = await this.#exclusive(async (scope) => {
      const planned = await plan(n);
      const jobOf: JobOfPart = (rows, x, to, distances) =>
        this.#job(planned, rows, x, to as number, distances as number);
      return await runInParts(this.pool, scope, planned.kernel, outside, jobOf);
    });
    const { throws, limit } = this.#settings;
    if (invalidRows > 0 && throws) {
      throw invalidRow(where, vectors, dim, indices.indexOf(-1) / k, limit);
    }
    return { indices, distances, invalidRows };
  }

  /** The job on `rows` vectors at `x` whose indices go to `to`, and distances to `distances`. */
  #job(plan: Plan, rows: number, x: number, to: number, distances: number): PartJob {
    const { scratch, blockRows, more } = plan;
    return {
      chunkRows: this.#chunkRows(rows, blockRows),
      work: 2 * rows * this.dim * this.size,
      scratch,
      args: [this.#book.header, x, to, distances, blockRows, ...more],
    };
  }

  get #book(): PackedCodebook {
    return this.books[0];
  }

  /** Whole blocks of rows, or fewer rows where there are too few to go round. */
  #chunkRows(rows: number, block: number): number {
    const worthwhile = Math.ceil(CHUNK_WORK / (2 * this.dim * this.size * block)) * block;
    const fair = wholeTiles(rows / (8 * this.pool.threads));
    return Math.max(12, Math.min(worthwhile, fair));
  }
}

/** The multiple of 12, which all tile heights divide, at or below `rows`. */
function wholeTiles(rows: number): number {
  return Math.floor(rows / 12) * 12;
}
