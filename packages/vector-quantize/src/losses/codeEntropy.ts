import { lax, numpy as np } from "@jax-js/jax";
import { accurateLog, logSigmoid } from "../logarithm.ts";
import { owns } from "../tree.ts";
import {
  type Bits,
  eachHalf,
  type HalfTables,
  type Halves,
  halfTables,
  throughTables,
} from "./halfTables.ts";

/** Entropies in nats of how bits choose codes. */
export interface CodeEntropies {
  /** Mean entropy of a vector's own distribution: small where vectors decide. */
  perSample: np.Array;
  /** Entropy of the mean distribution: large where the batch uses all codes. */
  batch: np.Array;
}

/** Entropies and their gradients by the logits, found outside of a trace. */
export type FoundEntropies = {
  perSample: np.Array;
  batch: np.Array;
  byPerSample: np.Array; // [N, d]
  byBatch: np.Array; // [N, d]
};

// Most bits whose mean distribution, 2^bits entries, is made: 16 MB.
const mostBits = 22;

/**
 * Entropies of binary codes: `p(code) = prod sigmoid(+-logit)`, as a softmax over the similarity to
 * every code of `{-s, s}^d` gives it.
 *
 * - `perSample = mean_n sum_k -p_nk log max(p_nk, floor)`
 * - `batch = sum_k -q_k log max(q_k, floor)`, `q_k = mean_n p_nk`
 *
 * The bits are independent, so `p` is a product of two half-tables of 2^(d/2) entries, `q` is one
 * matrix product of them, and nothing of size N x 2^d exists: of float32 numbers, 4 N 2^(d/2) for the
 * tables and some six times 2^d, with a floor 8 N 2^(d/2). With `floor` 0 the per-sample entropy is the
 * sum over bits, in O(N d); with a floor every code's probability has to be looked at, but none is
 * stored.
 *
 * Up to 22 bits eachHalf are what they say. More bits are parted into the first 22, the next 22, and so on,
 * whose entropies are added: exact per sample but for the floor, and an upper bound for the batch.
 * There is no jump at 22: one bit more adds between 0 and ln 2 to eachHalf, in a group as at the start of
 * one, since `0 <= log max(q(k), floor) - log max(q(k, bit), floor) <= log q(k) - log q(k, bit)`.
 *
 * The gradient is worked out beside the value, so that no table waits for a backward pass.
 *
 * @param logits `log p(bit = 1) - log p(bit = 0)`, `[N, d]`
 * @param weights how much each vector counts, `[N]`; all 1 if left out, and all 0 gives 0
 * @param floor the smallest probability in a logarithm, as the reference's 1e-5
 *
 * Source: Yu et al., "Language Model Beats Diffusion: Tokenizer is Key to Visual Generation", 2023,
 * equation 5, https://arxiv.org/abs/2310.05737; the groups: Zhao et al., "Image and Video
 * Tokenization with Binary Spherical Quantization", 2024, https://arxiv.org/abs/2406.07548
 */
export function codeEntropies(
  logits: np.Array,
  weights: np.Array | undefined,
  floor: number,
): CodeEntropies {
  const [N, d] = logits.shape as [number, number];
  const shares = shareOf(weights, N); // [N, 1]
  const found = groupsOf(d).map((bits) =>
    groupEntropies(logits.ref.slice([], bits), shares.ref, floor),
  );
  return found.reduce((total, part) => ({
    perSample: total.perSample.add(part.perSample),
    batch: total.batch.add(part.batch),
  }));
}

/** The bits of which the joint entropies are added up. */
export function groupsOf(bits: number): Bits[] {
  const groups = Math.ceil(bits / mostBits);
  const start = (group: number) => Math.min(bits, group * mostBits);
  return Array.from({ length: groups }, (_, group) => [start(group), start(group + 1)]);
}

/** Entropies that were found before, with their gradients by `logits` `[N, d]`. */
export function foundEntropies(found: FoundEntropies, logits: np.Array): CodeEntropies {
  return {
    perSample: withGradient(found.perSample, logits.ref, found.byPerSample),
    batch: withGradient(found.batch, logits, found.byBatch),
  };
}

/** Each vector's share of the mean, `[N, 1]`. */
function shareOf(weights: np.Array | undefined, N: number): np.Array {
  if (!weights) return np.full([N, 1], 1 / N);
  const column = weights.reshape([N, 1]);
  return column.ref.div(np.maximum(np.sum(column), 1e-30));
}

function groupEntropies(logits: np.Array, shares: np.Array, floor: number): CodeEntropies {
  const still = lax.stopGradient(logits.ref);
  const tables = halfTables(still.ref);
  using _ = owns(logits, shares, still, tables);
  const through = (by: Halves<np.Array>) => throughTables(still.ref, by).mul(shares.ref); // [N, b]

  const { value, byMean } = entropyOfMean(meanDistribution(tables, shares.ref), floor);
  const batch = withGradient(value, logits.ref, through(throughMean(tables, byMean)));
  if (floor === 0) {
    return { perSample: sumOfMany(bitEntropies(logits.ref).mul(shares.ref)), batch };
  }
  const floored = flooredSurprise(tables, -Math.log(floor));
  const perSample = sumOfMany(floored.value.mul(shares.ref));
  return { perSample: withGradient(perSample, logits.ref, through(floored.by)), batch };
}

/** `sum_n share_n p_n`, `[n1, n2]`, scaled so that its sum is right. */
function meanDistribution({ p: [first, second] }: HalfTables, shares: np.Array): np.Array {
  const sum = np.matmul(first.ref.mul(shares.ref).transpose(), second.ref);
  const scale = sumOfMany(shares).div(np.maximum(sumOfMany(sum.ref), 1e-30));
  return sum.mul(scale); // the error of adding many small numbers is mostly a common factor
}

/** `sum -q log max(q, floor)` of the mean distribution, with its gradient by it. */
function entropyOfMean(mean: np.Array, floor: number) {
  const least = Math.max(floor, 1e-37);
  const logs = accurateLog(np.maximum(mean.ref, least));
  const value = sumOfMany(mean.ref.mul(logs.ref)).neg();
  return { value, byMean: logs.add(np.where(mean.greaterEqual(least), 1, 0)).neg() };
}

/** Gradients by the log-probabilities of each half, from the one by the mean distribution. */
function throughMean({ p: [first, second] }: HalfTables, byMean: np.Array): Halves<np.Array> {
  return [
    np.matmul(second.ref, byMean.ref.transpose()).mul(first.ref),
    np.matmul(first.ref, byMean).mul(second.ref),
  ];
}

/** Entropy of each bit, `[N, b]`. */
function bitEntropies(logits: np.Array): np.Array {
  const up = logSigmoid(logits.ref);
  const down = logSigmoid(logits.neg());
  return np.exp(up.ref).mul(up).add(np.exp(down.ref).mul(down)).neg();
}

/**
 * `sum_k p_k min(-log p_k, most)` of each vector, `[N, 1]`, with its gradients by the log-probabilities
 * of each half.
 */
function flooredSurprise({ p, surprise }: HalfTables, most: number) {
  /** `sum of of(-log p) over the codes of the other half`, each by its probability: `[N, n]`. */
  const weighted = (half: 0 | 1, of: (surprise: np.Array) => np.Array) => {
    const other = half === 0 ? 1 : 0;
    const sum = np.expandDims(surprise[half].ref, 2).add(np.expandDims(surprise[other].ref, 1));
    return np.sum(of(sum).mul(np.expandDims(p[other].ref, 1)), 2).mul(p[half].ref);
  };
  const floored = (sum: np.Array) => np.minimum(sum, most);
  // d(p min(-log p, most)) / dp: below the floor the logarithm stands still.
  const slope = (sum: np.Array) => np.where(sum.ref.lessEqual(most), sum.sub(1), most);
  const value = np.sum(weighted(0, floored), 1, { keepdims: true });
  return { value, by: eachHalf((half) => weighted(half, slope)) };
}

/** Sum of all entries, step by step: one float32 sum of tens of thousands loses three digits. */
function sumOfMany(x: np.Array): np.Array {
  const lane = 256;
  let sums = x.reshape([-1]);
  while (sums.size > 1) {
    const rows = Math.ceil(sums.size / lane);
    const padded = np.pad(sums, [0, rows * lane - sums.size]);
    sums = np.sum(padded.reshape([rows, lane]), 1);
  }
  return sums.reshape([]);
}

/** A scalar with this value and this gradient by `x`. */
function withGradient(value: np.Array, x: np.Array, gradient: np.Array): np.Array {
  const moving = x.ref.sub(lax.stopGradient(x));
  return lax.stopGradient(value).add(np.sum(moving.mul(lax.stopGradient(gradient))));
}
