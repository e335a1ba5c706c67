import { checkInteger, checkKnownOptions, checkNumber, expected } from "../errors.ts";
import { residualBeamBinary } from "./binaries/residualBeam.wasm.ts";
import { residualNearestBinary } from "./binaries/residualNearest.wasm.ts";
import { type PackedCodebook, packCodebook } from "./codebook.ts";
import { checkCodebooks } from "./gather.ts";
import type { Job, Pool } from "./pool.ts";
import { createTables, type Tables } from "./residualTables.ts";
import { safeTile, type TileShape } from "./tile.ts";

export interface ResidualSearchOptions {
  /** Values per vector `D`. */
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
  /** Tile of the scan. Default: one that is fast everywhere. */
  readonly tile?: TileShape;
}

/** What a residual search finds. */
export interface ResidualIndices {
  /** int32 `[N, Q]`; -1 in all layers of a vector that is not finite. */
  indices: Int32Array<ArrayBuffer>;
  /** Vectors that are not finite. */
  badRows: number;
}

/** Codebooks of all layers in the pool's memory, ready to search. */
export interface ResidualSearch {
  readonly layers: number;
  /** Indices of all layers for each vector of `[N, D]`. */
  encode(vectors: Float32Array): Promise<ResidualIndices>;
  /** Takes other codebooks of the same sizes. */
  set(codebooks: readonly Float32Array[]): Promise<void>;
  /** Gives the memory back. */
  dispose(): void;
}

const MOST_BEAM = 16;
/** Numbers per call into the pool's memory, so that its size does not depend on N. */
const PART = 2 ** 23;
/** Bytes of residuals that leave the second-level cache room for a panel of codes. */
const BLOCK_BYTES = 2 ** 18;

/**
 * Residual quantization: `indices[n, q] = argmin over k of |r - c_q[k]|^2`, then `r -= c_q[index]`,
 * from `r = vectors[n]`, for all layers while the residual is in cache.
 *
 * Without a beam the code of each layer is the exact nearest (the lowest index on ties), the same in
 * every engine. With a beam the best sequences are ranked by float32 distances, also the same in
 * every engine; of equal ones the earlier sequence wins, then the lower index.
 *
 * ```ts
 * const search = await createResidualSearch(pool, codebooks, { dim: 256, beam: 4 });
 * const { indices } = await search.encode(vectors);
 * ```
 *
 * A beam tries every code after each sequence that it keeps. Where it pays, the products between the
 * codes of any two layers are kept in tables: the scan is then done once for all sequences (Babenko
 * and Lempitsky, Additive Quantization for Extreme Vector Compression, 2014; faiss does the same).
 *
 * @param pool where it runs
 * @param codebooks Q times `[K_q, D]`; one array given for several layers is packed once
 * @throws if a length does not fit, or a code is not finite
 */
export async function createResidualSearch(
  pool: Pool,
  codebooks: readonly Float32Array[],
  options: ResidualSearchOptions,
): Promise<ResidualSearch> {
  const where = "createResidualSearch";
  checkKnownOptions(where, options, ["dim", "beam", "rank", "weights", "tile"]);
  const { dim, beam = 1, rank = "last", tile = safeTile(pool.form) } = options;
  checkInteger(`${where}: dim`, dim);
  checkInteger(`${where}: beam`, beam);
  if (beam > MOST_BEAM) throw expected(`${where}: beam`, `at most ${MOST_BEAM}`, beam);
  checkCodebooks(where, codebooks, dim);
  const layers = codebooks.length;
  const weights = options.weights ?? codebooks.map(() => 1);
  if (weights.length !== layers) throw expected(`${where}: weights`, `${layers} weights`, weights);
  for (const weight of weights) checkNumber(`${where}: weights`, weight, Number.MIN_VALUE);

  const { form, memory } = pool;
  const { residualNearest } = await pool.load(residualNearestBinary, form);
  const beamKernels = await pool.load(residualBeamBinary, form);

  const books: PackedCodebook[] = [];
  for (const [q, codebook] of codebooks.entries()) {
    const same = codebooks.indexOf(codebook);
    const size = codebook.length / dim;
    books.push(
      same < q
        ? (books[same] as PackedCodebook)
        : await packCodebook(pool, { dim, size, metric: "euclidean", tile, form }),
    );
  }
  const distinct = [...new Set(books)];
  const headers = memory.allocate(4 * layers);
  const weighed = memory.allocate(8 * layers);
  memory.i32(headers, layers).set(books.map((book) => book.header));
  memory.f64(weighed, layers).set(weights);
  let tables: Tables | undefined;
  if (beam > 1) tables = await createTables(pool, books, { form, headers, beam });

  const fill = async (given: readonly Float32Array[]) => {
    tables?.forget();
    for (const book of distinct) await book.set(given[books.indexOf(book)] as Float32Array);
  };
  await pool.exclusive(() => fill(codebooks));

  /** The job of a part, for vectors and indices at these addresses. */
  const jobOf = async (rows: number, all: number, x: number, to: number): Promise<Job> => {
    if (beam === 1) {
      const blockRows = blockOf(Math.min(96, BLOCK_BYTES / (8 * dim)), rows, pool.threads);
      return {
        rows,
        chunkRows: blockRows,
        work: rows * operations(books, 1),
        scratch: blockRows * (8 * dim + 52) + 128,
        args: [headers, layers, x, to, blockRows],
      };
    }
    const table = (await tables?.addressFor(all)) ?? 0;
    const wide = table === 0 ? beam : 1;
    const most = Math.max(1, Math.floor(96 / wide));
    const blockRows = Math.max(1, Math.min(most, Math.ceil(rows / (4 * pool.threads))));
    const carry = rank === "sum" ? 1 : 0;
    const scratch = beamKernels.residualBeamBytes.call(
      0,
      0,
      0,
      headers,
      layers,
      beam,
      table,
      blockRows,
    );
    return {
      rows,
      chunkRows: blockRows,
      work: rows * operations(books, wide),
      scratch,
      args: [headers, layers, beam, weighed, carry, table, x, to, blockRows],
    };
  };

  return {
    layers,
    async encode(vectors) {
      if (vectors.length % dim !== 0) {
        throw expected("encode: vectors", `a multiple of ${dim} numbers`, vectors.length);
      }
      const rows = vectors.length / dim;
      const indices = new Int32Array(rows * layers);
      const part = Math.max(1, Math.floor(PART / dim));
      return pool.exclusive(async () => {
        const x = memory.allocate(4 * Math.min(part, rows) * dim);
        const to = memory.allocate(4 * Math.min(part, rows) * layers);
        let badRows = 0;
        try {
          for (let first = 0; first < rows; first += part) {
            const count = Math.min(part, rows - first);
            const job = await jobOf(count, rows, x, to);
            badRows += await pool.run(beam === 1 ? residualNearest : beamKernels.residualBeam, {
              ...job,
              fill: (begin, end) => {
                const given = vectors.subarray((first + begin) * dim, (first + end) * dim);
                memory.f32(x + 4 * begin * dim, given.length).set(given);
              },
            });
            indices.set(memory.i32(to, count * layers), first * layers);
          }
        } finally {
          memory.free(x);
          memory.free(to);
        }
        return { indices, badRows };
      });
    },
    set(given) {
      return pool.exclusive(() => {
        for (const [q, { length }] of codebooks.entries()) {
          const got = given[q];
          if (got?.length !== length) {
            throw expected(`set: codebooks[${q}]`, `${length} numbers`, got?.length);
          }
          if (got !== given[books.indexOf(books[q] as PackedCodebook)]) {
            throw expected(
              `set: codebooks[${q}]`,
              "the array of the layer it was shared with",
              "another",
            );
          }
        }
        return fill(given);
      });
    },
    dispose() {
      for (const book of distinct) book.free();
      tables?.free();
      memory.free(headers);
      memory.free(weighed);
    },
  };
}

/** Rows of a block: at most `most`, a multiple of 12, and several blocks for every thread. */
function blockOf(most: number, rows: number, threads: number): number {
  const wanted = Math.min(most, rows / (4 * threads));
  return Math.max(12, Math.floor(wanted / 12) * 12);
}

/** Multiplications and additions for one row whose layers after the first are scanned `wide` times. */
function operations(books: readonly PackedCodebook[], wide: number): number {
  return books.reduce((sum, { size, dim }, q) => sum + 2 * size * dim * (q === 0 ? 1 : wide), 0);
}
