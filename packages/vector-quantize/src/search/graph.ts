import { lax, numpy as np, random, vmap } from "@jax-js/jax";
import { int32 } from "../tracing.ts";
import { firstLargest } from "./firstLargest.ts";
import { usableRows } from "./usable.ts";

/** How a vector and a code are compared. */
export type Metric = "euclidean" | "cosine";

/** `x / max(|x|, eps)` over the last axis, as the reference's `l2norm`. */
export function normalise(x: np.Array, eps = 1e-6): np.Array {
  const norm = np.sqrt(np.maximum(np.sum(np.square(x.ref), -1, { keepdims: true }), eps * eps));
  return x.div(norm);
}

/**
 * A point near the mean code, from which distances are computed: data far from the origin keeps its
 * precision.
 *
 * The mean is rounded to a power of two of about the codes' spread, so that taking it off is exact
 * for data on a grid, and equal distances stay equal.
 *
 * @param codebook codes `[K, D]`
 * @returns `[1, D]`
 */
export function searchOrigin(codebook: np.Array): np.Array {
  const mean = np.mean(codebook.ref, 0, { keepdims: true }); // [1, D]
  const spread = np.max(np.absolute(codebook.sub(mean.ref))); // []
  const exponent = np.array(0x7f800000, { dtype: np.uint32 });
  const bits = np.bitwiseAnd(lax.bitcastConvertType(spread, np.uint32), exponent);
  const step = lax.bitcastConvertType(bits, np.float32); // the power of two below the spread
  const rounded = np.round(mean.ref.div(step.ref)).mul(step.ref);
  return np.where(step.greater(0), rounded, mean);
}

/** Vectors and codes as scores compare them, without gradients. */
function comparable(x: np.Array, codebook: np.Array, metric: Metric) {
  const rows = lax.stopGradient(x);
  const codes = lax.stopGradient(codebook);
  if (metric === "cosine") return { rows, codes };
  const origin = searchOrigin(codes.ref); // [1, D]
  return { rows: rows.sub(origin.ref), codes: codes.sub(origin) };
}

/** Larger is nearer: the order of `similarities`, with fewer operations and digits lost. */
function scoresOf(rows: np.Array, codes: np.Array, metric: Metric): np.Array {
  const products = np.matmul(rows, codes.ref.transpose()); // [N, K]
  if (metric !== "cosine") return products.sub(np.sum(np.square(codes), 1).mul(0.5));
  codes.dispose();
  return products;
}

/**
 * What `nearestInGraph` ranks codes by, the largest first. Not differentiable.
 *
 * @param x vectors `[N, D]`, finite
 * @param codebook codes `[K, D]`
 * @returns `[N, K]`
 */
export function searchScores(x: np.Array, codebook: np.Array, metric: Metric): np.Array {
  const { rows, codes } = comparable(x, codebook, metric);
  return scoresOf(rows, codes, metric);
}

/** Most elements of a matrix of scores; a larger search walks the codebook in parts. */
const MOST_SCORES = 2 ** 24;

/**
 * Index of the nearest code of each vector; equal distances go to the lowest index.
 *
 * `argmin_k 1/2 |c_k|^2 - x . c_k` for `euclidean`, with `x` and `c` taken from `searchOrigin`;
 * `argmax_k x . c_k` for `cosine`, where both are unit vectors. Not differentiable. Memory grows
 * with N, not with N K.
 *
 * @param x vectors `[N, D]`; a row that is not usable gets index -1
 * @param codebook codes `[K, D]`
 * @param mostScores elements of the largest matrix that is made
 * @returns int32 `[N]`
 */
export function nearestInGraph(
  x: np.Array,
  codebook: np.Array,
  metric: Metric,
  mostScores = MOST_SCORES,
): np.Array {
  const N = x.shape[0] as number;
  const K = codebook.shape[0] as number;
  const usable = usableRows(x.ref); // [N]
  const real = np.where(usable.ref.reshape([-1, 1]), lax.stopGradient(x), 0);
  const { rows, codes } = comparable(real, codebook, metric);
  const parts = Math.ceil((N * K) / mostScores);
  const step = Math.ceil(K / parts);
  let found = np.zeros([N]).astype(np.int32);
  let best: np.Array | undefined; // [N]
  for (let begin = 0; begin < K; begin += step) {
    const part = parts === 1 ? codes.ref : codes.ref.slice([begin, Math.min(begin + step, K)]);
    const near = scoresOf(rows.ref, part, metric);
    const index = firstLargest(near.ref).add(int32(begin));
    const top = np.max(near, 1);
    const better = best ? top.ref.greater(best.ref) : undefined;
    found = better ? np.where(better.ref, index, found) : index;
    best = better && best ? np.where(better, top, best) : top;
  }
  return np.where(usable, found, int32(-1));
}

/**
 * `nearestInGraph` of as many vectors in each of several codebooks, as one program: of 96 searches a fifth of their
 * time, and of what it takes to compile them.
 *
 * @param x vectors `[M, N, C]`
 * @param codebooks codes `[M, K, C]`
 * @returns int32 `[M, N]`
 */
export function nearestInStack(x: np.Array, codebooks: np.Array, metric: Metric): np.Array {
  const mostScores = MOST_SCORES / (x.shape[0] as number);
  const search = (rows: np.Array, codes: np.Array) =>
    nearestInGraph(rows, codes, metric, mostScores);
  return vmap(search)(x, codebooks);
}

/**
 * Similarity of each vector to each code, differentiable: `-|x - c|` for `euclidean`, `x . c` for
 * `cosine`. The logits of sampling and of cross-entropy losses.
 *
 * @param x vectors `[N, D]`
 * @param codebook codes `[K, D]`
 * @returns `[N, K]`
 */
export function similarities(x: np.Array, codebook: np.Array, metric: Metric): np.Array {
  if (metric === "cosine") return np.matmul(x, codebook.transpose());
  const origin = searchOrigin(lax.stopGradient(codebook.ref)); // [1, D]
  const rows = x.sub(origin.ref);
  const codes = codebook.sub(origin);
  const rowNorms = np.sum(np.square(rows.ref), 1, { keepdims: true }); // [N, 1]
  const codeNorms = np.sum(np.square(codes.ref), 1); // [K]
  const squared = rowNorms.add(codeNorms).sub(np.matmul(rows, codes.transpose()).mul(2));
  return np.sqrt(np.maximum(squared, 1e-8)).neg(); // [N, K]
}

/**
 * Draws a code for each vector with probability `softmax(similarities / temperature)`, by Gumbel
 * noise.
 *
 * @param logits similarities `[N, K]`
 * @param temperature scalar above 0
 * @returns int32 `[N]`
 */
export function sampleInGraph(logits: np.Array, temperature: np.Array, key: np.Array): np.Array {
  const noise = random.gumbel(key, logits.shape); // [N, K]
  return firstLargest(lax.stopGradient(logits).div(temperature).add(noise));
}
