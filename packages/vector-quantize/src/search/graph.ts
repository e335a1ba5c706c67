import { lax, numpy as np, random } from "@jax-js/jax";
import { integer } from "../tracing.ts";

/** How a vector and a code are compared. */
export type Metric = "euclidean" | "cosine";

/** `x / max(|x|, eps)` over the last axis, as the reference's `l2norm`. */
export function normalise(x: np.Array, eps = 1e-6): np.Array {
  const norm = np.sqrt(np.maximum(np.sum(np.square(x.ref), -1, { keepdims: true }), eps * eps));
  return x.div(norm);
}

/** Which rows of `x` `[N, D]` hold finite numbers only: bool `[N]`. */
export function finiteRows(x: np.Array): np.Array {
  // By bits: on WebGPU, fast maths makes every comparison with NaN meaningless.
  const exponent = np.bitwiseAnd(lax.bitcastConvertType(x, np.uint32), exponentBits());
  return np.all(np.notEqual(exponent, exponentBits()), -1); // [N]
}

const exponentBits = () => np.array(0x7f800000, { dtype: np.uint32 });

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
  const bits = np.bitwiseAnd(lax.bitcastConvertType(spread, np.uint32), exponentBits());
  const step = lax.bitcastConvertType(bits, np.float32); // the power of two below the spread
  const rounded = np.round(mean.ref.div(step.ref)).mul(step.ref);
  return np.where(step.greater(0), rounded, mean);
}

/**
 * Index of the nearest code of each vector; equal distances go to the lowest index.
 *
 * `argmin_k 1/2 |c_k|^2 - x . c_k` for `euclidean`, with `x` and `c` taken from `searchOrigin`; `argmax_k x . c_k` for `cosine`, where both
 * are unit vectors. Not differentiable.
 *
 * @param x vectors `[N, D]`; a row that is not finite gets index -1
 * @param codebook codes `[K, D]`
 * @returns int32 `[N]`
 */
export function nearestInGraph(x: np.Array, codebook: np.Array, metric: Metric): np.Array {
  const finite = finiteRows(lax.stopGradient(x.ref));
  const rows = np.where(finite.ref.reshape([-1, 1]), lax.stopGradient(x), 0);
  const scores = searchScores(rows, lax.stopGradient(codebook), metric); // [N, K]
  return np.where(finite, np.argmax(scores, 1), integer(-1));
}

/** Larger is nearer; the same order as `similarities`, in fewer operations. */
function searchScores(x: np.Array, codebook: np.Array, metric: Metric): np.Array {
  if (metric === "cosine") return np.matmul(x, codebook.transpose()); // [N, K]
  const origin = searchOrigin(codebook.ref); // [1, D]
  const codes = codebook.sub(origin.ref);
  const half = np.sum(np.square(codes.ref), 1).mul(0.5); // [K]
  return np.matmul(x.sub(origin), codes.transpose()).sub(half); // [N, K]
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
  return np.argmax(lax.stopGradient(logits).div(temperature).add(noise), 1);
}
