import { checkBoolean, checkChoice, checkInteger, expected } from "../../errors.ts";
import { checkFloats, checkOptions } from "../arguments.ts";
import { supports } from "../engine/kernelModule.ts";
import { defaultPool, type Pool } from "../engine/pool.ts";
import { checkLimit, type InvalidOption, type LimitOption } from "../invalid.ts";
import type { KernelMetric } from "./packedCodebook.ts";
import { PackedSearch } from "./packedSearch.ts";
import { ReferenceSearch } from "./search.reference.ts";

/** Options of `createSearch`. */
export interface SearchOptions extends InvalidOption, LimitOption {
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
  /** How many vectors hold NaN, an infinity or a number of the size `limit` or more. */
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
   * Takes other codes, `[K, D]`, in the memory of the present ones. They are copied; the same codes
   * again cost a comparison. If a value is not finite it throws and keeps the present codes.
   */
  setCodebook(codebook: Float32Array): Promise<void>;
  /** Gives the memory back. The search can't be used any more. */
  dispose(): void;
}

const MOST_FEATURES = 65536;
const known = ["dim", "metric", "reproducible", "invalid", "limit", "pool"];

/**
 * Prepares a codebook for searches.
 *
 * No array of N x K elements is made: beyond its inputs and outputs a search needs the codebook two
 * and a half times (as given, packed, and in small integers), at most once more for a k-d
 * tree or projections of it, and about 20 MB, whatever N and K are. An engine without WebAssembly SIMD gets
 * the same answers from plain TypeScript.
 *
 * Where it is faster, earlier stages leave out codes that provably can't win: a k-d tree of them,
 * projections onto their principal subspace, small integers. Float32 and, for near-ties, float64 decide among
 * the others. The answer does not depend on which stage found it. Tree and projections are prepared
 * after some thousand vectors, so a search that is kept gets faster.
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
  checkOptions("createSearch", options, known);
  const { dim, metric = "euclidean", reproducible = false, invalid = "throw" } = options;
  const { limit = Number.POSITIVE_INFINITY } = options;
  checkInteger("createSearch: dim", dim);
  if (dim > MOST_FEATURES) throw expected("createSearch: dim", `at most ${MOST_FEATURES}`, dim);
  checkChoice("createSearch: metric", metric, ["euclidean", "cosine", "dot"]);
  checkChoice("createSearch: invalid", invalid, ["throw", "mark"]);
  checkBoolean("createSearch: reproducible", reproducible);
  checkFloats("createSearch: codebook", codebook);
  checkLimit("createSearch: limit", limit);
  if (codebook.length === 0 || codebook.length % dim !== 0) {
    throw expected("createSearch: codebook length", `a multiple of dim ${dim}`, codebook.length);
  }
  const size = codebook.length / dim;
  const settings = { dim, size, metric, throws: invalid === "throw", limit };
  if (!supports("plain")) return new ReferenceSearch(codebook, settings);
  const pool = options.pool ?? defaultPool();
  return PackedSearch.create(codebook, settings, pool, reproducible ? "plain" : pool.form);
}
