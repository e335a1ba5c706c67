import { checkBoolean, checkChoice, checkInteger, expected } from "../../errors.ts";
import { checkFloats, checkKernelOptions } from "../arguments.ts";
import { defaultPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import { checkLimit } from "../invalid.ts";
import { PackedSearch } from "./packedSearch.ts";
import { ReferenceSearch } from "./search.reference.ts";
import type { Search, SearchOptions } from "./search.ts";

const MOST_FEATURES = 65536;
const known = ["dim", "metric", "reproducible", "invalid", "limit", "pool"];

/**
 * Prepares a codebook for searches.
 *
 * No array of N x K elements is made: beyond its inputs and outputs a search needs the codebook two
 * and a half times (as given, packed, and in small integers), at most one and a half times more for a k-d tree or
 * projections of it, and about 20 MB, whatever N and K are. An engine without WebAssembly SIMD gets the
 * same answers from TypeScript alone.
 *
 * Where it is faster, earlier stages leave out codes that provably can't win: a k-d tree of them,
 * projections onto their principal subspace, small integers. Float32 and, for near-ties, float64
 * decide among the others. The answer does not depend on which stage found it. Tree and projections
 * are prepared after some thousand vectors, so a search that is kept gets faster.
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
  checkKernelOptions("createSearch", options, known);
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
