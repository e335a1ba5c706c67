import { numpy as np } from "@jax-js/jax";
import { logSigmoid } from "../logarithm.ts";
import { owns } from "../tree.ts";

/** Bits `from` to `to`, the last one left out. */
export type Bits = [from: number, to: number];

/** One of each half of the bits. */
export type Halves<T> = readonly [T, T];

/**
 * The distribution over the codes of independent bits, as a product of two small tables:
 * `p[i, j] = p1[i] p2[j]`, so that no table of 2^bits entries a vector is needed.
 */
export interface HalfTables {
  /** Surprises `-log p` of each half: `[N, 2^bits]`. */
  surprise: Halves<np.Array>;
  /** Probabilities of each half. */
  p: Halves<np.Array>;
}

/** Tables of bits that are 1 with probability `sigmoid(logits)`, logits `[N, b]`. */
export function halfTables(logits: np.Array): HalfTables {
  const [N, bits] = logits.shape as [number, number];
  const halves = halvesOf(bits);
  const up = logSigmoid(logits.ref);
  const down = logSigmoid(logits.neg());
  using _ = owns(up, down);
  const surprise = eachHalf((half) => {
    const [from, to] = halves[half];
    if (from === to) return np.zeros([N, 1]);
    const ones = bitTable(to - from);
    const lost = new Float32Array([...ones.map((bit) => -bit), ...ones.map((bit) => bit - 1)]);
    const logs = np.concatenate([up.ref.slice([], [from, to]), down.ref.slice([], [from, to])], 1);
    return np.matmul(logs, np.array(lost, { shape: [2 * (to - from), 2 ** (to - from)] }));
  });
  return { surprise, p: eachHalf((half) => np.exp(surprise[half].ref.neg())) };
}

/** What `of` makes of the first and of the second half. */
export function eachHalf<T>(of: (half: 0 | 1) => T): Halves<T> {
  return [of(0), of(1)];
}

/** Which bits each half has; of a single bit the second half has none. */
function halvesOf(bits: number): Halves<Bits> {
  const middle = Math.ceil(bits / 2);
  return [
    [0, middle],
    [middle, bits],
  ];
}

/** Bit `d` of code `i`, the first bit the highest: `[bits, 2^bits]` of 0 and 1. */
function bitTable(bits: number): Float32Array {
  const codes = 2 ** bits;
  return Float32Array.from(
    { length: bits * codes },
    (_, at) => ((at % codes) >> (bits - 1 - Math.floor(at / codes))) & 1,
  );
}

/**
 * Gradient by the logits of a sum over codes, from its gradient by the log-probability of every code
 * of each half: `dlog p[i] / dl[d] = bit d of i - sigmoid(l[d])`.
 *
 * @param logits `[N, b]`
 * @param by a gradient `[N, 2^bits]` for each half
 * @returns `[N, b]`
 */
export function throughTables(logits: np.Array, by: Halves<np.Array>): np.Array {
  using _ = owns(logits, by);
  const halves = halvesOf(logits.shape[1] as number);
  const pieces = halves.flatMap(([from, to], half) => {
    if (from === to) return [];
    const gradient = by[half as 0 | 1];
    const table = np.array(bitTable(to - from), { shape: [to - from, 2 ** (to - from)] });
    const total = np.sum(gradient.ref, 1, { keepdims: true }); // [N, 1]
    const one = np.exp(logSigmoid(logits.ref.slice([], [from, to])));
    return [np.matmul(gradient.ref, table.transpose()).sub(one.mul(total))]; // [N, bits]
  });
  return np.concatenate(pieces, 1);
}
