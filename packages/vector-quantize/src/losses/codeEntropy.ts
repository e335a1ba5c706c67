import { lax, numpy as np } from "@jax-js/jax";
import { accurateLog, logSigmoid } from "../logarithm.ts";
import { firstHalf, type HalfTables, halfTables, throughHalfTables } from "./binaryTables.ts";

/** Entropies in nats of how bits choose codes. */
export interface CodeEntropies {
  /** Mean entropy of a vector's own distribution: small where vectors decide. */
  perSample: np.Array;
  /** Entropy of the mean distribution: large where the batch uses all codes. */
  batch: np.Array;
}

// Entries of a half-table of the rows that are worked on at once: 2 MB.
const chunkEntries = 2 ** 19;
// Largest number of bits whose mean distribution, 2^bits entries, is made.
const mostBits = 18;
const bitsOfGroup = 16;

/**
 * Entropies of binary codes: `p(code) = prod sigmoid(+-logit)`, as a softmax over the similarity to
 * every code of `{-s, s}^d` gives it.
 *
 * - `perSample = mean_n sum_k -p_nk log max(p_nk, floor)`
 * - `batch = sum_k -q_k log max(q_k, floor)`, `q_k = mean_n p_nk`
 *
 * The bits are independent, so `p` is a product of two half-tables of 2^(d/2) entries, `q` is one
 * matrix product of them, and nothing of size N x 2^d exists. With `floor` 0 the per-sample entropy
 * is the sum over bits, in O(N d); with a floor every code's probability has to be looked at, but
 * none is stored.
 *
 * More than 18 bits are parted into groups of up to 16, whose entropies are added: exact per sample
 * but for the floor, and an upper bound for the batch.
 *
 * The gradient is worked out beside the value, so that no table waits for a backward pass.
 *
 * @param logits `log p(bit = 1) - log p(bit = 0)`, `[N, d]`
 * @param weights how much each vector counts, `[N]`; all 1 if left out, and all 0 gives 0
 * @param floor the smallest probability in a logarithm, as the reference's 1e-5
 *
 * Source: Yu et al., "Language Model Beats Diffusion: Tokenizer is Key to Visual Generation", 2023,
 * equation 5, https://arxiv.org/abs/2310.05737; the groups: Zhao et al., "Image and Video
 * Tokenization with Binary Spherical Quantization", 2024, section 4.3, https://arxiv.org/abs/2406.07548
 */
export function codeEntropies(
  logits: np.Array,
  weights: np.Array | undefined,
  floor: number,
): CodeEntropies {
  const [N, d] = logits.shape as [number, number];
  const shares = shareOf(weights, N); // [N, 1]
  const groups = d <= mostBits ? 1 : Math.ceil(d / bitsOfGroup);
  let total: CodeEntropies | undefined;
  for (let g = 0; g < groups; g++) {
    const bits: [number, number] = [
      Math.floor((g * d) / groups),
      Math.floor(((g + 1) * d) / groups),
    ];
    const part = groupEntropies(logits.ref.slice([], bits), shares.ref, floor);
    total = total
      ? { perSample: total.perSample.add(part.perSample), batch: total.batch.add(part.batch) }
      : part;
  }
  return total as CodeEntropies;
}

/** Each vector's share of the mean, `[N, 1]`. */
function shareOf(weights: np.Array | undefined, N: number): np.Array {
  if (!weights) return np.full([N, 1], 1 / N);
  const column = weights.reshape([N, 1]);
  return column.ref.div(np.maximum(np.sum(column), 1e-30));
}

function groupEntropies(logits: np.Array, shares: np.Array, floor: number): CodeEntropies {
  const [N, bits] = logits.shape as [number, number];
  const rows = Math.max(1, Math.floor(chunkEntries / 2 ** firstHalf(bits)));
  const still = lax.stopGradient(logits.ref);
  const starts = Array.from({ length: Math.ceil(N / rows) }, (_, chunk) => chunk * rows);
  const chunks = starts.map((start) => [start, Math.min(N, start + rows)] as [number, number]);

  let q: np.Array | undefined; // [2^a, 2^(b - a)]
  for (const chunk of chunks) {
    const { p } = halfTables(still.ref.slice(chunk));
    const part = np.matmul(p[0].mul(shares.ref.slice(chunk)).transpose(), p[1]);
    q = q ? q.add(part) : part;
  }
  const mean = q as np.Array;
  const least = Math.max(floor, 1e-37);
  const logs = accurateLog(np.maximum(mean.ref, least));
  const batch = np.sum(mean.ref.mul(logs.ref)).neg();
  const byMean = logs.add(np.where(mean.greaterEqual(least), 1, 0)).neg(); // d batch / d q

  const samples: np.Array[] = [];
  const sampleGradients: np.Array[] = [];
  const batchGradients: np.Array[] = [];
  for (const chunk of chunks) {
    const rowsOf = still.ref.slice(chunk);
    const share = shares.ref.slice(chunk);
    const tables = halfTables(rowsOf.ref);
    const [pA, pB] = tables.p;
    const byA = pA.ref.mul(np.matmul(pB.ref, byMean.ref.transpose())).mul(share.ref);
    const byB = pB.ref.mul(np.matmul(pA.ref, byMean.ref)).mul(share.ref);
    batchGradients.push(throughHalfTables(rowsOf.ref, [byA, byB]));
    if (floor > 0) {
      const { value, by } = flooredSurprise(tables, -Math.log(floor));
      samples.push(np.sum(value.mul(share.ref.reshape([-1]))));
      const shared: [np.Array, np.Array] = [by[0].mul(share.ref), by[1].mul(share)];
      sampleGradients.push(throughHalfTables(rowsOf, shared));
    }
  }
  const perSample =
    floor > 0
      ? withGradient(sum(samples), logits.ref, np.concatenate(sampleGradients, 0))
      : np.sum(bitEntropies(logits.ref).mul(shares));
  return { perSample, batch: withGradient(batch, logits, np.concatenate(batchGradients, 0)) };
}

/** Entropy of each bit, `[N, b]`. */
function bitEntropies(logits: np.Array): np.Array {
  const up = logSigmoid(logits.ref);
  const down = logSigmoid(logits.neg());
  return np.exp(up.ref).mul(up).add(np.exp(down.ref).mul(down)).neg();
}

/**
 * `sum_k p_k min(-log p_k, most)` of each vector, `[N]`, with its gradient by `log pA` and `log pB`.
 *
 * The sums over pairs of half-codes are reductions of a broadcast sum, which is never stored.
 */
function flooredSurprise({ surprise, p }: HalfTables, most: number) {
  const [sA, sB] = surprise;
  const [pA, pB] = p;
  const pairs = () => np.expandDims(sA.ref, 2).add(np.expandDims(sB.ref, 1)); // [N, 2^a, 2^b]
  const overB = (values: np.Array) => np.sum(values.mul(np.expandDims(pB.ref, 1)), 2); // [N, 2^a]
  const overA = (values: np.Array) => np.sum(values.mul(np.expandDims(pA.ref, 2)), 1); // [N, 2^b]
  const floored = () => np.minimum(pairs(), most);
  // d(p min(-log p, most)) / dp, where the floor stops the inner derivative.
  const slope = () => floored().sub(np.where(pairs().lessEqual(most), 1, 0));
  const value = np.sum(overB(floored()).mul(pA.ref), 1); // [N]
  const by: [np.Array, np.Array] = [overB(slope()).mul(pA.ref), overA(slope()).mul(pB.ref)];
  return { value, by };
}

/** A scalar with this value and this gradient by `x`. */
function withGradient(value: np.Array, x: np.Array, gradient: np.Array): np.Array {
  const moving = x.ref.sub(lax.stopGradient(x));
  return lax.stopGradient(value).add(np.sum(moving.mul(lax.stopGradient(gradient))));
}

function sum(values: np.Array[]): np.Array {
  return values.reduce((total, value) => total.add(value));
}
