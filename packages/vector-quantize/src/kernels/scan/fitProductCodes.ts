import { checkChoice, checkInteger, expected } from "../../errors.ts";
import { checkFloats, checkKernelOptions } from "../arguments.ts";
import { kmeans } from "../clustering/kmeans.ts";
import { sampleDistinct, uniformFrom } from "../clustering/uniform.ts";
import type { Pool } from "../engine/pool.ts";
import type { CodeMetric, CodeQuantizer } from "./codeQuantizer.ts";
import { learnRotation } from "./learnRotation.ts";
import { productCodes } from "./productCodes.ts";
import { partOfVectors } from "./productParts.ts";
import { rotateVectors } from "./rotateVectors.ts";
import { checkUsable, unitVectors } from "./vectors.ts";

/** Vectors for each code of a codebook that it is fitted to; more change it little. */
const EACH = 256;
const LEAST = 16384;
const ITERATIONS = 12;

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
  const sample = sampleOf(vectors, dim, Math.max(LEAST, EACH * codebookSize), seed);
  const units = metric === "cosine" ? unitVectors(sample, dim) : sample;
  const shape = { dim, parts, codebookSize, seed, pool };
  const learned = rotation === "learned" ? await learnRotation(units, shape) : undefined;
  const turned = await rotateVectors(units, learned, { dim, pool });
  const codebooks = await fitParts(turned, shape);
  const shared = { dim, parts, codebooks, metric, ...(pool && { pool }) };
  return productCodes({ ...shared, ...(learned && { rotation: learned }) });
}

/** So many of the vectors, drawn without repetition; all, if there are no more. */
function sampleOf(vectors: Float32Array, dim: number, most: number, seed: number): Float32Array {
  const rows = vectors.length / dim;
  if (rows <= most) return vectors;
  const chosen = sampleDistinct(uniformFrom(seed), rows, most);
  const sample = new Float32Array(most * dim);
  for (const [i, row] of chosen.entries()) {
    sample.set(vectors.subarray(row * dim, (row + 1) * dim), i * dim);
  }
  return sample;
}

/** How vectors are cut. */
interface PartShape {
  readonly dim: number;
  readonly parts: number;
  readonly codebookSize: number;
  readonly seed: number;
  readonly pool: Pool | undefined;
}

/** The codebooks of all parts, `[M, K, D / M]`. */
async function fitParts(vectors: Float32Array, shape: PartShape): Promise<Float32Array> {
  const { dim, parts, codebookSize, seed, pool } = shape;
  const width = dim / parts;
  const books = new Float32Array(codebookSize * dim);
  const where = pool && { pool };
  for (let part = 0; part < parts; part++) {
    const { centroids } = await kmeans(partOfVectors(vectors, dim, width, part), {
      dim: width,
      clusters: codebookSize,
      iterations: ITERATIONS,
      seed,
      ...where,
    });
    books.set(centroids, part * codebookSize * width);
  }
  return books;
}
