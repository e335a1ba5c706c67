import { checkChoice, checkInteger, checkKnownOptions, checkNumber, expected } from "../errors.ts";
import { residualBeamBinary } from "./binaries/residualBeam.wasm.ts";
import { residualNearestBinary } from "./binaries/residualNearest.wasm.ts";
import type { KernelForm } from "./binary.ts";
import { type PackedCodebook, type PackOptions, packCodebook } from "./codebook.ts";
import { checkCodebooks } from "./gather.ts";
import { type InvalidOption, invalidRow } from "./invalid.ts";
import { defaultPool, type Job, type Kernel, type Pool } from "./pool.ts";
import { createTables, type Tables } from "./residualTables.ts";
import { shortCodebookIfFaster } from "./shortChoice.ts";
import type { ShortCodebook } from "./shortCodebook.ts";
import type { TileShape } from "./tile.ts";
import { fastestTile } from "./tileChoice.ts";

export interface ResidualSearchOptions extends InvalidOption {
  /** Features of a vector, D. */
  readonly dim: number;
  /** Sequences of codes that are kept after each layer, at most 16. Default 1: the nearest code. */
  readonly beam?: number;
  /**
   * What ranks a sequence: `"last"` its squared error after the layer, `"sum"` the sum of the errors
   * after all layers so far, as the PyTorch reference. Default `"last"`.
   */
  readonly rank?: "last" | "sum";
  /** Weight of each layer's squared error with `rank: "sum"` `[Q]`. Default all 1. */
  readonly weights?: readonly number[];
  /**
   * Uses only instructions that round alike on every CPU. The indices are the same either way; this
   * makes every intermediate number the same too. Default false.
   */
  readonly reproducible?: boolean;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
}

/** What a residual search finds. */
export interface ResidualIndices {
  /** `[N, Q]`; -1 in all layers of an invalid vector. */
  readonly indices: Int32Array<ArrayBuffer>;
  /** How many vectors hold NaN or an infinity. */
  readonly invalidRows: number;
}

/** Codebooks of all layers in the pool's memory, ready to search. */
export interface ResidualSearch {
  readonly layers: number;
  /**
   * Indices of all layers for each vector.
   *
   * @param vectors `[N, D]`, any N; read during the call
   */
  nearest(vectors: Float32Array): Promise<ResidualIndices>;
  /** Takes other codebooks of the same sizes. */
  set(codebooks: readonly Float32Array[]): Promise<void>;
  /** Gives the memory back. */
  dispose(): void;
}

const MOST_BEAM = 16;
/** Numbers per call into the pool's memory, so that its size does not depend on N. */
const PART = 2 ** 23;
/** Rows that a thread searches at a time, and bytes of them that fit the second-level cache. */
const BLOCK_ROWS = 144;
const BLOCK_BYTES = 2 ** 19;
/** Sequences whose scores a thread keeps at a time. */
const SCANNED_ROWS = 96;

/**
 * Residual quantization: `indices[n, q] = argmin over k of |r - c_q[k]|^2`, then `r -= c_q[index]`,
 * from `r = vectors[n]`, for all layers while the residual is in cache.
 *
 * Without a beam the code of each layer is the exact nearest (the lowest index on ties), the same in
 * every engine. With a beam the best sequences are ranked by float32 distances, also the same in
 * every engine; of equal ones the earlier sequence wins, then the lower index.
 *
 * ```ts
 * const search = await createResidualSearch(codebooks, { dim: 256, beam: 4 });
 * const { indices } = await search.nearest(vectors);
 * ```
 *
 * A beam tries every code after each sequence that it keeps. Where it pays, the products between the
 * codes of any two layers are kept in tables, `4 K^2 Q (Q - 1) / 2` bytes and at most 512 MB: the scan
 * is then done once for all sequences (Babenko and Lempitsky, Additive Quantization for Extreme Vector
 * Compression, 2014; faiss does the same).
 *
 * @param codebooks Q times `[K_q, D]`; one array given for several layers is packed once
 * @throws if a length does not fit, or a code is not finite
 */
export async function createResidualSearch(
  codebooks: readonly Float32Array[],
  options: ResidualSearchOptions,
): Promise<ResidualSearch> {
  const where = "createResidualSearch";
  checkKnownOptions(where, options, [
    "dim",
    "beam",
    "rank",
    "weights",
    "reproducible",
    "invalid",
    "pool",
  ]);
  const { dim, reproducible = false, pool = defaultPool() } = options;
  checkInteger(`${where}: dim`, dim);
  const form = reproducible ? "plain" : pool.form;
  const tile = await pool.exclusive(() => fastestTile(pool, form, dim));
  return createResidualSearchWith(tile, codebooks, options);
}

/** As `createResidualSearch`, with a tile shape of one's choice. */
export async function createResidualSearchWith(
  tile: TileShape,
  codebooks: readonly Float32Array[],
  options: ResidualSearchOptions,
): Promise<ResidualSearch> {
  const where = "createResidualSearch";
  const { dim, beam = 1, rank = "last", invalid = "throw", pool = defaultPool() } = options;
  checkInteger(`${where}: beam`, beam);
  if (beam > MOST_BEAM) throw expected(`${where}: beam`, `at most ${MOST_BEAM}`, beam);
  checkChoice(`${where}: rank`, rank, ["last", "sum"]);
  checkChoice(`${where}: invalid`, invalid, ["throw", "mark"]);
  checkCodebooks(where, codebooks, dim);
  const layers = codebooks.length;
  const weights = options.weights ?? codebooks.map(() => 1);
  if (weights.length !== layers) throw expected(`${where}: weights`, `${layers} weights`, weights);
  for (const weight of weights) checkNumber(`${where}: weights`, weight, Number.MIN_VALUE);

  const form = options.reproducible ? "plain" : pool.form;
  const greedy = (await pool.load(residualNearestBinary, form)).residualNearest;
  const beamed = await pool.load(residualBeamBinary, form);
  const books = await packLayers(pool, codebooks, { dim, tile, form });
  const shorts = await shortLayers(pool, beam === 1 ? books : [], form);
  const { memory } = pool;
  const headers = memory.allocate(4 * layers);
  memory.i32(headers, layers).set(books.map((book) => book.header));
  const shortHeaders = memory.allocate(4 * layers);
  const weightsAt = memory.allocate(8 * layers);
  memory.f64(weightsAt, layers).set(weights);
  const tables = beam > 1 ? await createTables(pool, books, { form, beam }) : undefined;
  const search = new PackedResidualSearch(pool, codebooks, {
    dim,
    beam,
    carry: rank === "sum" ? 1 : 0,
    throws: invalid === "throw",
    books,
    shorts,
    headers,
    shortHeaders,
    weights: weightsAt,
    tables,
    kernels: { greedy, ...beamed },
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
function shortLayers(
  pool: Pool,
  books: readonly PackedCodebook[],
  form: KernelForm,
): Promise<Map<PackedCodebook, ShortCodebook>> {
  return pool.exclusive(async () => {
    const shorts = new Map<PackedCodebook, ShortCodebook>();
    for (const book of new Set(books)) {
      shorts.set(book, await shortCodebookIfFaster(pool, book, form));
    }
    return shorts;
  });
}

/** What a search holds. */
interface Layers {
  readonly dim: number;
  readonly beam: number;
  readonly carry: 0 | 1;
  readonly throws: boolean;
  readonly books: readonly PackedCodebook[];
  /** The integers of each book; none with a beam. */
  readonly shorts: ReadonlyMap<PackedCodebook, ShortCodebook>;
  /** Address of the addresses of the integers, u32 `[Q]`; 0 for a layer without. */
  readonly shortHeaders: number;
  /** Address of the codebooks' headers, u32 `[Q]`. */
  readonly headers: number;
  /** Address of the weights, f64 `[Q]`. */
  readonly weights: number;
  readonly tables: Tables | undefined;
  readonly kernels: Record<"greedy" | "residualBeam" | "residualBeamBytes", Kernel>;
}

class PackedResidualSearch implements ResidualSearch {
  readonly layers: number;
  readonly #pool: Pool;
  readonly #held: Layers;
  readonly #lengths: readonly number[];
  /** The first layer that each layer shares its codebook with. */
  readonly #shared: readonly number[];
  #disposed = false;

  constructor(pool: Pool, codebooks: readonly Float32Array[], held: Layers) {
    this.#pool = pool;
    this.#held = held;
    this.layers = codebooks.length;
    this.#lengths = codebooks.map(({ length }) => length);
    this.#shared = codebooks.map((codebook) => codebooks.indexOf(codebook));
  }

  set(codebooks: readonly Float32Array[]): Promise<void> {
    for (const [q, length] of this.#lengths.entries()) {
      const given = codebooks[q];
      if (given?.length !== length) {
        throw expected(`set: codebooks[${q}]`, `${length} numbers`, given?.length);
      }
      const shared = this.#shared[q] as number;
      if (given !== codebooks[shared]) {
        throw expected(`set: codebooks[${q}]`, `the array of layer ${shared}`, "another array");
      }
    }
    return this.#exclusive(async () => {
      this.#held.tables?.forget();
      const { books, shorts, shortHeaders } = this.#held;
      for (const [q, codebook] of codebooks.entries()) {
        if (this.#shared[q] === q) await books[q]?.set(codebook);
      }
      for (const short of shorts.values()) await short.update();
      const addresses = books.map((book) => shorts.get(book)?.address ?? 0);
      this.#pool.memory.i32(shortHeaders, this.layers).set(addresses);
    });
  }

  async nearest(vectors: Float32Array): Promise<ResidualIndices> {
    const { dim, beam, kernels } = this.#held;
    const { layers } = this;
    if (vectors.length % dim !== 0) {
      throw expected("nearest: vectors length", `a multiple of dim ${dim}`, vectors.length);
    }
    const rows = vectors.length / dim;
    const indices = new Int32Array(rows * layers);
    const part = Math.max(1, Math.floor(PART / dim));
    const { memory } = this.#pool;
    const invalidRows = await this.#exclusive(async () => {
      const table = (await this.#held.tables?.addressFor(rows)) ?? 0;
      const x = memory.allocate(4 * Math.min(part, rows) * dim);
      const to = memory.allocate(4 * Math.min(part, rows) * layers);
      let bad = 0;
      try {
        for (let first = 0; first < rows; first += part) {
          const count = Math.min(part, rows - first);
          const job =
            beam === 1 ? this.#greedyJob(count, x, to) : this.#beamJob(count, table, x, to);
          bad += await this.#pool.run(beam === 1 ? kernels.greedy : kernels.residualBeam, {
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
    if (invalidRows > 0 && this.#held.throws) {
      throw invalidRow("nearest", vectors, dim, indices.indexOf(-1) / layers);
    }
    return { indices, invalidRows };
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const { books, shorts, tables, headers, shortHeaders, weights } = this.#held;
    const { memory } = this.#pool;
    // After the searches under way. A pool that is disposed of has given all its memory back.
    this.#pool
      .exclusive(() => {
        for (const held of [...new Set(books), ...shorts.values()]) held.free();
        tables?.free();
        for (const start of [headers, shortHeaders, weights]) memory.free(start);
      })
      .catch(() => {});
  }

  #exclusive<T>(task: () => Promise<T>): Promise<T> {
    if (this.#disposed) throw expected("search", "one that is in use", "one that was disposed of");
    return this.#pool.exclusive(task);
  }

  #greedyJob(rows: number, x: number, to: number): Job {
    const { dim, headers, shortHeaders, books } = this.#held;
    const chunkRows = this.#chunkRows(rows, Math.min(BLOCK_ROWS, BLOCK_BYTES / (8 * dim)));
    const blockRows = 12 * Math.ceil(chunkRows / 12); // all tile heights divide 12
    return {
      rows,
      chunkRows,
      work: rows * operations(books, 1),
      scratch: blockRows * (12 * dim + 64) + 24 * (2 * dim + 62) + 128,
      args: [headers, shortHeaders, this.layers, x, to, blockRows],
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
    const { beam, carry, weights, headers, books, kernels } = this.#held;
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
