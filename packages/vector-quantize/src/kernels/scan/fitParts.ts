import { kmeans } from "../clustering/kmeans.ts";
import { learnRotation } from "./learnRotation.ts";
import { type PartShape, partOfVectors } from "./productParts.ts";
import { rotateVectors } from "./rotateVectors.ts";
import { sampleRows } from "./sampleRows.ts";
import { unitVectors } from "./vectors.ts";

/** Vectors for each code of a codebook that it is fitted to; more change it little. */
const EACH = 256;
const LEAST = 16384;
const ITERATIONS = 12;

interface FittedShape extends PartShape {
  /** Of k-means for each part. Default 12. */
  readonly iterations?: number;
}

/** What `fitParts` is told. */
interface FitPartsOptions extends FittedShape {
  readonly rotation: "none" | "learned";
  /** Whether vectors are made of length 1 before. Default false. */
  readonly unit?: boolean;
}

/** What product codes are made of. */
export interface FittedParts {
  /** `[M, K, D / M]` */
  readonly codebooks: Float32Array<ArrayBuffer>;
  /** R `[D, D]`, if one was learned: codes are of `x R`. */
  readonly rotation?: Float32Array;
}

/** Codebooks of all parts, and the rotation before. All that is given must be checked. */
export async function fitParts(
  vectors: Float32Array,
  { rotation, unit = false, ...shape }: FitPartsOptions,
): Promise<FittedParts> {
  const { dim, codebookSize, seed, pool } = shape;
  const sample = sampleRows(vectors, dim, Math.max(LEAST, EACH * codebookSize), seed);
  const own = unit ? unitVectors(sample, dim) : sample;
  if (rotation === "none") return { codebooks: await codebooksOf(own, shape) };
  const learned = await learnRotation(own, shape);
  const turned = await rotateVectors(own, learned, { dim, pool });
  return { codebooks: await codebooksOf(turned, shape), rotation: learned };
}

/** The codebooks of all parts, `[M, K, D / M]`. */
async function codebooksOf(
  vectors: Float32Array,
  { dim, parts, codebookSize, seed, pool, iterations = ITERATIONS }: FittedShape,
): Promise<Float32Array<ArrayBuffer>> {
  const width = dim / parts;
  const books = new Float32Array(codebookSize * dim);
  const where = pool && { pool };
  for (let part = 0; part < parts; part++) {
    const { centroids } = await kmeans(partOfVectors(vectors, dim, width, part), {
      dim: width,
      clusters: codebookSize,
      iterations,
      seed,
      ...where,
    });
    books.set(centroids, part * codebookSize * width);
  }
  return books;
}
