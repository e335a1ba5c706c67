import { lax, numpy as np } from "@jax-js/jax";
import { accurateLog, logSigmoid } from "../logarithm.ts";
import {
  along,
  type Bits,
  evenParts,
  meanOverOthers,
  type PartTables,
  partTables,
  stored,
  throughTables,
} from "./partTables.ts";

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

// Entries of a half-table, of which about ten exist at once: 4 MB each.
const mostHalfEntries = 2 ** 20;
// Bits of a part where half-tables would be larger.
const bitsOfPart = 5;
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
 * matrix product of them, and nothing of size N x 2^d exists. Where even half-tables would be large,
 * the product is one of three or four smaller tables: slower, but the memory stays in the tens of
 * megabytes. With `floor` 0 the per-sample entropy is the sum over bits, in O(N d); with a floor
 * every code's probability has to be looked at, but none is stored.
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

/** The bits whose entropies are added up. */
export function groupsOf(bits: number): Bits[] {
  return evenParts(bits, bits <= mostBits ? 1 : Math.ceil(bits / bitsOfGroup));
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

/** How many tables the bits are parted into. */
function countOfParts(N: number, bits: number): number {
  if (bits === 1) return 1;
  return N * 2 ** Math.ceil(bits / 2) <= mostHalfEntries
    ? 2
    : Math.max(2, Math.ceil(bits / bitsOfPart));
}

function groupEntropies(logits: np.Array, shares: np.Array, floor: number): CodeEntropies {
  const [N, bits] = logits.shape as [number, number];
  const still = lax.stopGradient(logits.ref);
  const tables = partTables(still.ref, evenParts(bits, countOfParts(N, bits)));

  const mean = meanDistribution(tables, shares.ref); // [n1, n2, ...]
  const least = Math.max(floor, 1e-37);
  const logs = accurateLog(np.maximum(mean.ref, least));
  const batch = sumOfMany(mean.ref.mul(logs.ref)).neg();
  const byMean = logs.add(np.where(mean.greaterEqual(least), 1, 0)).neg(); // d batch / d q
  const byBatch = throughMean(tables, byMean).map((by) => by.mul(shares.ref));
  const batchGradient = throughTables(still.ref, tables.parts, byBatch);

  if (floor === 0) {
    const perSample = sumOfMany(bitEntropies(logits.ref).mul(shares));
    return { perSample, batch: withGradient(batch, logits, batchGradient) };
  }
  const { value, by } = flooredSurprise(tables, -Math.log(floor));
  const byValue = by.map((gradient) => gradient.mul(shares.ref));
  const perSample = withGradient(
    sumOfMany(value.mul(shares.ref.reshape([N]))),
    logits.ref,
    throughTables(still, tables.parts, byValue),
  );
  return { perSample, batch: withGradient(batch, logits, batchGradient) };
}

/** `sum_n share_n p_n`, with an axis for each part, scaled so that its sum is right. */
function meanDistribution(tables: PartTables, shares: np.Array): np.Array {
  const sum = sumOverVectors(tables, shares.ref);
  const scale = sumOfMany(shares).div(np.maximum(sumOfMany(sum.ref), 1e-30));
  return sum.mul(scale); // the error of adding many small numbers is mostly a common factor
}

function sumOverVectors({ p }: PartTables, shares: np.Array): np.Array {
  const [first, second] = p as [np.Array, np.Array];
  const weighted = first.ref.mul(shares);
  if (p.length === 2) return np.matmul(weighted.transpose(), second.ref);
  const product = p
    .slice(1)
    .reduce(
      (whole, table, at) => whole.mul(along(table.ref, at + 1, p.length)),
      along(weighted, 0, p.length),
    );
  return np.sum(product, 0);
}

/** Gradients by the log-probabilities of each part, from the one by the mean distribution. */
function throughMean(tables: PartTables, byMean: np.Array): np.Array[] {
  const { p } = tables;
  if (p.length === 2) {
    const [first, second] = p as [np.Array, np.Array];
    return [
      np.matmul(second.ref, byMean.ref.transpose()).mul(first.ref),
      np.matmul(first.ref, byMean.ref).mul(second.ref),
    ];
  }
  return p.map((table, m) => {
    // Walked along its last axis, which has to be the part's own; the product with the identity
    // makes jit lay it out so. The other way round takes eight times as long.
    const last = stored(np.moveaxis(byMean.ref, m, -1));
    const wide = np.expandDims(np.moveaxis(last, -1, m), 0); // [1, n1, n2, ...]
    return meanOverOthers(wide, tables, m).mul(table.ref);
  });
}

/** Entropy of each bit, `[N, b]`. */
function bitEntropies(logits: np.Array): np.Array {
  const up = logSigmoid(logits.ref);
  const down = logSigmoid(logits.neg());
  return np.exp(up.ref).mul(up).add(np.exp(down.ref).mul(down)).neg();
}

/**
 * `sum_k p_k min(-log p_k, most)` of each vector, `[N]`, with its gradients by the log-probabilities
 * of each part.
 */
function flooredSurprise(tables: PartTables, most: number) {
  const { p, surprise } = tables;
  const whole = () =>
    surprise
      .map((table, m) => along(table.ref, m, p.length))
      .reduce((total, table) => total.add(table)); // [N, n1, n2, ...]
  const floored = () => np.minimum(whole(), most);
  // d(p min(-log p, most)) / dp: below the floor the logarithm stands still.
  const slope = () => {
    const sum = whole();
    return np.where(sum.ref.lessEqual(most), sum.sub(1), most);
  };
  const first = p[0] as np.Array;
  const value = np.sum(meanOverOthers(floored(), tables, 0).mul(first.ref), 1);
  const by = p.map((table, m) => meanOverOthers(slope(), tables, m).mul(table.ref));
  return { value, by };
}

/** Sum of all entries, in two steps: one float32 sum of tens of thousands loses three digits. */
function sumOfMany(x: np.Array): np.Array {
  const lane = 256;
  const flat = x.reshape([-1]);
  const rows = Math.ceil(flat.size / lane);
  const padded = np.pad(flat, [0, rows * lane - flat.size]);
  return np.sum(np.sum(padded.reshape([rows, lane]), 1));
}

/** A scalar with this value and this gradient by `x`. */
function withGradient(value: np.Array, x: np.Array, gradient: np.Array): np.Array {
  const moving = x.ref.sub(lax.stopGradient(x));
  return lax.stopGradient(value).add(np.sum(moving.mul(lax.stopGradient(gradient))));
}
