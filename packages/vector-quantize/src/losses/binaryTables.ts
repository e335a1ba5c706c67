import { numpy as np } from "@jax-js/jax";
import { logSigmoid } from "../logarithm.ts";

/**
 * The distribution over the codes of `b` independent bits, as two half-tables: with the bits parted
 * into `A` and `B`, `p[i, j] = pA[i] pB[j]`, so that no table of 2^b entries a vector is needed.
 */
export interface HalfTables {
  /** Surprises `-log p` of both halves: `[N, 2^a]` and `[N, 2^(b - a)]`. */
  surprise: [np.Array, np.Array];
  /** Probabilities of both halves. */
  p: [np.Array, np.Array];
}

/** How many bits the first half has; the second has the rest, which may be none. */
export const firstHalf = (bits: number) => Math.ceil(bits / 2);

/** Bit `d` of code `i`, the first bit the highest: `[bits, 2^bits]` of 0 and 1. */
function bitTable(bits: number): np.Array {
  const codes = 2 ** bits;
  const table = new Float32Array(bits * codes);
  for (let d = 0; d < bits; d++) {
    for (let i = 0; i < codes; i++) table[d * codes + i] = (i >> (bits - 1 - d)) & 1;
  }
  return np.array(table, { shape: [bits, codes] });
}

/** Bits `[from, to)` of logits `[N, b]`. */
const columns = (logits: np.Array, from: number, to: number) => logits.slice([], [from, to]);

/** Half-tables of bits that are 1 with probability `sigmoid(logits)`, logits `[N, b]`. */
export function halfTables(logits: np.Array): HalfTables {
  const bits = logits.shape[1] as number;
  const a = firstHalf(bits);
  const half = (from: number, to: number) => {
    if (from === to) return np.zeros([logits.shape[0] as number, 1]); // one empty code, for sure
    const l = columns(logits.ref, from, to);
    const one = bitTable(to - from); // [b, 2^b]
    const zero = one.ref.neg().add(1);
    const up = np.matmul(logSigmoid(l.ref), one);
    return up.add(np.matmul(logSigmoid(l.neg()), zero)).neg();
  };
  const surprise: [np.Array, np.Array] = [half(0, a), half(a, bits)];
  return { surprise, p: [np.exp(surprise[0].ref.neg()), np.exp(surprise[1].ref.neg())] };
}

/**
 * Gradient by the logits of a sum over codes, from its gradient by the log-probability of each code
 * of each half: `dlog p[i] / dl[d] = bit d of i - sigmoid(l[d])`.
 *
 * @param by gradients by `log pA` and `log pB`, `[N, 2^a]` and `[N, 2^(b - a)]`
 * @returns `[N, b]`
 */
export function throughHalfTables(logits: np.Array, by: [np.Array, np.Array]): np.Array {
  const bits = logits.shape[1] as number;
  const a = firstHalf(bits);
  const half = (gradient: np.Array, from: number, to: number) => {
    const l = columns(logits.ref, from, to);
    const total = np.sum(gradient.ref, 1, { keepdims: true }); // [N, 1]
    const chosen = np.matmul(gradient, bitTable(to - from).transpose()); // [N, b]
    return chosen.sub(np.exp(logSigmoid(l)).mul(total));
  };
  const first = half(by[0], 0, a);
  return a === bits ? first : np.concatenate([first, half(by[1], a, bits)], 1);
}
