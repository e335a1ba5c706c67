import { checkChoice, checkInteger, checkKnownOptions, expected } from "../errors.ts";
import { nearestBinary } from "./binaries/nearest.wasm.ts";
import { nearestTopKBinary } from "./binaries/nearestTopK.wasm.ts";
import { type KernelMetric, type PackedCodebook, packCodebook } from "./codebook.ts";
import { type InvalidOption, invalidRow } from "./invalid.ts";
import { defaultPool, type Job, type Kernel, type Pool } from "./pool.ts";
import { fastestTile, nearestScratch } from "./tileChoice.ts";

export interface SearchOptions extends InvalidOption {
  /** Features of a vector, D. */
  readonly dim: number;
  /**
   * What the nearest code is: the one at the least Euclidean distance, of the largest cosine, or of
   * the largest inner product. Default "euclidean".
   */
  readonly metric?: KernelMetric;
  /**
   * Uses only instructions that round alike on every CPU. The indices are the same either way,
   * because near-ties are settled in float64; this makes every intermediate number the same too.
   * Slower by a quarter where D is small, by a few percent elsewhere. Default false.
   */
  readonly reproducible?: boolean;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
}

/** The answer of a search of N vectors for k codes each. */
export interface Nearest {
  /** `[N, k]`; -1 for an invalid vector. */
  readonly indices: Int32Array<ArrayBuffer>;
  /**
   * `[N, k]`: the squared Euclidean distance, computed as `sum (x - c)^2`; 1 - cosine; or less the
   * inner product. NaN for an invalid vector.
   */
  readonly distances: Float32Array<ArrayBuffer>;
  /** How many vectors hold NaN or an infinity. */
  readonly invalidRows: number;
}

/** A codebook that vectors can be searched in. */
export interface Search {
  /** Features of a vector, D. */
  readonly dim: number;
  /** Number of codes, K. */
  readonly size: number;
  readonly metric: KernelMetric;
  /**
   * The nearest code of each vector; of codes equally near the one of lowest index.
   *
   * Exact: the index is the one that float64 arithmetic gives, on every machine, for any number of
   * threads and however the vectors are split over calls.
   *
   * @param vectors `[N, D]`, any N; read during the call
   */
  nearest(vectors: Float32Array): Promise<Nearest>;
  /**
   * The k nearest codes of each vector, the nearest first, the lower index first on ties.
   *
   * @param vectors `[N, D]`
   * @param k 1 to 32, at most K
   */
  nearestTopK(vectors: Float32Array, k: number): Promise<Nearest>;
  /**
   * Takes other codes, `[K, D]`, in the memory of the present ones. They are copied. If a value is
   * not finite it throws and keeps the present codes.
   */
  setCodebook(codebook: Float32Array): Promise<void>;
  /** Gives the memory back. The search can't be used any more. */
  dispose(): void;
}

/** Bytes of vectors and answers that lie in the pool's memory at a time. */
const STAGE_BYTES = 2 ** 24;
/** Bytes of packed vectors that a thread works on at a time: fits the second-level cache. */
const BLOCK_BYTES = 49152;
/** Work of a chunk below which taking it would show. */
const CHUNK_WORK = 2e6;
const MOST_CODES = 32;
const MOST_FEATURES = 65536;

/**
 * Prepares a codebook for searches.
 *
 * No array of N x K elements is made: beyond its inputs and outputs a search needs the codebook
 * twice (as given, and packed) and about 20 MB, whatever N and K are.
 *
 * ```ts
 * import { createSearch } from "vector-quantize/kernels";
 *
 * const codebook = new Float32Array([0, 0, 1, 1, 5, 5]); // 3 codes of 2 features
 * const search = await createSearch(codebook, { dim: 2 });
 * const { indices, distances } = await search.nearest(new Float32Array([0.75, 1, 4, 4]));
 * // indices: 1, 2; distances: 0.0625, 2
 * search.dispose();
 * ```
 *
 * @param codebook `[K, D]`; copied
 * @throws if the length is not a multiple of `dim`, or a value is not finite
 */
export async function createSearch(
  codebook: Float32Array,
  options: SearchOptions,
): Promise<Search> {
  checkKnownOptions("createSearch", options, ["dim", "metric", "reproducible", "invalid", "pool"]);
  const { dim, metric = "euclidean", reproducible = false, invalid = "throw" } = options;
  checkInteger("createSearch: dim", dim);
  if (dim > MOST_FEATURES) throw expected("createSearch: dim", `at most ${MOST_FEATURES}`, dim);
  checkChoice("createSearch: metric", metric, ["euclidean", "cosine", "dot"]);
  checkChoice("createSearch: invalid", invalid, ["throw", "mark"]);
  if (codebook.length === 0 || codebook.length % dim !== 0) {
    throw expected("createSearch: codebook length", `a multiple of dim ${dim}`, codebook.length);
  }
  const pool = options.pool ?? defaultPool();
  const form = reproducible ? "plain" : pool.form;
  const size = codebook.length / dim;
  const book = await pool.exclusive(async () => {
    const tile = await fastestTile(pool, form, dim);
    const packed = await packCodebook(pool, { dim, size, metric, tile, form });
    try {
      await packed.set(codebook);
    } catch (error) {
      packed.free();
      throw error;
    }
    return packed;
  });
  return new PackedSearch(pool, book, invalid === "throw", {
    nearest: (await pool.load(nearestBinary, form)).nearest,
    nearestTopK: (await pool.load(nearestTopKBinary, form)).nearestTopK,
  });
}

class PackedSearch implements Search {
  readonly dim: number;
  readonly size: number;
  readonly metric: KernelMetric;
  readonly #pool: Pool;
  readonly #book: PackedCodebook;
  readonly #throws: boolean;
  readonly #kernels: { nearest: Kernel; nearestTopK: Kernel };
  readonly #blockRows: number;
  #disposed = false;

  constructor(
    pool: Pool,
    book: PackedCodebook,
    throws: boolean,
    kernels: { nearest: Kernel; nearestTopK: Kernel },
  ) {
    this.#pool = pool;
    this.#book = book;
    this.#throws = throws;
    this.#kernels = kernels;
    this.dim = book.dim;
    this.size = book.size;
    this.metric = book.metric;
    this.#blockRows = Math.min(96, Math.max(12, wholeTiles(BLOCK_BYTES / (4 * this.dim))));
  }

  nearest(vectors: Float32Array): Promise<Nearest> {
    const scratch = nearestScratch(this.dim, this.#blockRows);
    return this.#search("nearest", vectors, 1, this.#kernels.nearest, scratch, []);
  }

  async nearestTopK(vectors: Float32Array, k: number): Promise<Nearest> {
    checkInteger("nearestTopK: k", k);
    const most = Math.min(MOST_CODES, this.size);
    if (k > most) throw expected("nearestTopK: k", `at most ${most}`, k);
    const scratch = 480 + this.#blockRows * (4 * this.dim + 3412);
    return this.#search("nearestTopK", vectors, k, this.#kernels.nearestTopK, scratch, [k]);
  }

  async setCodebook(codebook: Float32Array): Promise<void> {
    const length = this.size * this.dim;
    if (codebook.length !== length) {
      throw expected("setCodebook: codebook length", `${length}`, codebook.length);
    }
    return this.#exclusive(() => this.#book.set(codebook));
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    // After the searches under way. A pool that is disposed of has given all its memory back.
    this.#pool.exclusive(() => this.#book.free()).catch(() => {});
  }

  #exclusive<T>(task: () => Promise<T>): Promise<T> {
    if (this.#disposed) throw expected("search", "one that is in use", "one that was disposed of");
    return this.#pool.exclusive(task);
  }

  async #search(
    where: string,
    vectors: Float32Array,
    k: number,
    kernel: Kernel,
    scratch: number,
    more: readonly number[],
  ): Promise<Nearest> {
    const { dim, size } = this;
    const { memory } = this.#pool;
    if (!(vectors instanceof Float32Array)) {
      throw expected(`${where}: vectors`, "a Float32Array", vectors);
    }
    if (vectors.length % dim !== 0) {
      throw expected(`${where}: vectors length`, `a multiple of dim ${dim}`, vectors.length);
    }
    const n = vectors.length / dim;
    const indices = new Int32Array(n * k);
    const distances = new Float32Array(n * k);
    const part = Math.max(1, Math.floor(STAGE_BYTES / (4 * dim + 8 * k)));
    const invalidRows = await this.#exclusive(async () => {
      const most = Math.min(n, part);
      const rows = memory.allocate(4 * most * dim);
      const out = memory.allocate(8 * most * k);
      let bad = 0;
      try {
        for (let first = 0; first < n; first += part) {
          const count = Math.min(part, n - first);
          bad += await this.#pool.run(kernel, {
            ...this.#chunks(count),
            work: 2 * count * dim * size,
            scratch,
            args: [this.#book.header, rows, out, out + 4 * most * k, this.#blockRows, ...more],
            fill(begin, end) {
              const from = vectors.subarray((first + begin) * dim, (first + end) * dim);
              memory.f32(rows + 4 * begin * dim, from.length).set(from);
            },
          });
          indices.set(memory.i32(out, count * k), first * k);
          distances.set(memory.f32(out + 4 * most * k, count * k), first * k);
        }
      } finally {
        memory.free(rows);
        memory.free(out);
      }
      return bad;
    });
    if (invalidRows > 0 && this.#throws) {
      throw invalidRow(where, vectors, dim, indices.indexOf(-1) / k);
    }
    return { indices, distances, invalidRows };
  }

  /** Whole blocks of rows, or fewer rows where there are too few to go round. */
  #chunks(rows: number): Pick<Job, "rows" | "chunkRows"> {
    const block = this.#blockRows;
    const worthwhile = Math.ceil(CHUNK_WORK / (2 * this.dim * this.size * block)) * block;
    const fair = wholeTiles(rows / (4 * this.#pool.threads));
    return { rows, chunkRows: Math.max(12, Math.min(worthwhile, fair)) };
  }
}

/** The multiple of 12, which all tile heights divide, at or below `rows`. */
function wholeTiles(rows: number): number {
  return Math.floor(rows / 12) * 12;
}
