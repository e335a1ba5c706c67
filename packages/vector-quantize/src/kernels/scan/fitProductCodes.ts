import { checkChoice, checkInteger, expected } from "../../errors.ts";
import { checkFloats, checkKernelOptions } from "../arguments.ts";
import type { Pool } from "../engine/pool.ts";
import type { CodeMetric, CodeQuantizer } from "./codeQuantizer.ts";
import { fitParts } from "./fitParts.ts";
import { productCodes } from "./productCodes.ts";
import { checkUsable } from "./vectors.ts";

/** Options of `fitProductCodes`. */
export interface FitProductCodesOptions {
  /** Features of a vector, D. */
  readonly dim: number;
  /** Parts that a vector is cut into, M; they divide D. */
  readonly parts: number;
  /** Codes of each part, 1 to 256; up to 16 take half a byte, and are scanned fastest. Default 16. */
  readonly codebookSize?: number;
  /** Whether a rotation is learned that makes the parts alike. Default "none". */
  readonly rotation?: "none" | "learned";
  /** What is near. Default "euclidean". */
  readonly metric?: CodeMetric;
  /** Draws the vectors that are looked at, and the first centroids. Default 0. */
  readonly seed?: number;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
}

/**
 * Product codes whose codebooks are fitted to vectors: by k-means for each part, with a learned rotation before.
 *
 * A rotation R is learned by turns: codes for `x R`, then the R that brings the vectors nearest to what their codes
 * stand for. From two starts, none and the principal axes dealt out among the parts; the one stays by which
 * more of a vector's nearest are found.
 *
 * ```ts
 * import { createCodeSearch, fitProductCodes } from "vector-quantize/search";
 *
 * const vectors = Float32Array.from({ length: 1000 * 16 }, (_, i) => Math.sin(i * i));
 * const quantizer = await fitProductCodes(vectors, { dim: 16, parts: 8, rotation: "learned" });
 * const search = await createCodeSearch(vectors, quantizer); // 4 bytes each
 * search.dispose();
 * ```
 *
 * @param vectors `[N, D]`, at least as many as codes; of many a sample is looked at
 * @throws VectorQuantizeError for an option out of its bounds, too few vectors, numbers that are not finite
 *
 * Source: Ge et al., "Optimized Product Quantization for Approximate Nearest Neighbor Search", 2013.
 */
export async function fitProductCodes(
  vectors: Float32Array,
  options: FitProductCodesOptions,
): Promise<CodeQuantizer> {
  const where = "fitProductCodes";
  const known = ["dim", "parts", "codebookSize", "rotation", "metric", "seed", "pool"];
  checkKernelOptions(where, options, known);
  const { dim, parts, codebookSize = 16, rotation = "none", metric = "euclidean" } = options;
  const { seed = 0, pool } = options;
  checkInteger(`${where}: dim`, dim);
  checkInteger(`${where}: parts`, parts);
  if (dim % parts !== 0) throw expected(`${where}: parts`, `a divisor of dim ${dim}`, parts);
  checkInteger(`${where}: codebookSize`, codebookSize, 1, 256);
  checkChoice(`${where}: rotation`, rotation, ["none", "learned"]);
  checkChoice(`${where}: metric`, metric, ["euclidean", "dot", "cosine"]);
  checkInteger(`${where}: seed`, seed, 0, 2 ** 32 - 1);
  checkFloats(`${where}: vectors`, vectors);
  const rows = checkUsable(where, vectors, dim);
  if (rows < codebookSize) throw expected(`${where}: vectors`, `at least ${codebookSize}`, rows);
  const unit = metric === "cosine";
  const fitted = await fitParts(vectors, { dim, parts, codebookSize, rotation, unit, seed, pool });
  return productCodes({ dim, parts, metric, ...fitted, ...(pool && { pool }) });
}
