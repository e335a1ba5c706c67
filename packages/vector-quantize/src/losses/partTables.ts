import { numpy as np } from "@jax-js/jax";
import { logSigmoid } from "../logarithm.ts";

/**
 * The distribution over the codes of `b` independent bits, as a product of small tables: with the
 * bits parted, `p[i, j, ...] = p1[i] p2[j] ...`, so that no table of 2^b entries a vector is needed.
 */
export interface PartTables {
  /** Which bits each part has. */
  parts: readonly Bits[];
  /** Surprises `-log p` of each part: `[N, 2^bits]`. */
  surprise: readonly np.Array[];
  /** Probabilities of each part. */
  p: readonly np.Array[];
}

/** Bits `from` to `to`, the last one left out. */
export type Bits = [from: number, to: number];

/** `bits` evenly in `count` parts. */
export function evenParts(bits: number, count: number): Bits[] {
  const start = (part: number) => Math.ceil((part * bits) / count);
  return Array.from({ length: count }, (_, part) => [start(part), start(part + 1)]);
}

/** Bit `d` of code `i`, the first bit the highest: `[bits, 2^bits]` of 0 and 1. */
function bitTable(bits: number): Float32Array {
  const codes = 2 ** bits;
  return Float32Array.from(
    { length: bits * codes },
    (_, at) => ((at % codes) >> (bits - 1 - Math.floor(at / codes))) & 1,
  );
}

/** Tables of bits that are 1 with probability `sigmoid(logits)`, logits `[N, b]`. */
export function partTables(logits: np.Array, parts: readonly Bits[]): PartTables {
  const up = logSigmoid(logits.ref);
  const down = logSigmoid(logits.neg());
  const surprise = parts.map((part) => {
    const bits = part[1] - part[0];
    const ones = bitTable(bits);
    const both = new Float32Array([...ones.map((bit) => -bit), ...ones.map((bit) => bit - 1)]);
    const logs = np.concatenate([up.ref.slice([], part), down.ref.slice([], part)], 1); // [N, 2 bits]
    return np.matmul(logs, np.array(both, { shape: [2 * bits, 2 ** bits] })); // [N, 2^bits]
  });
  return { parts, surprise, p: surprise.map((table) => np.exp(table.ref.neg())) };
}

/**
 * The same array, computed and laid out before it is used, by a product with the identity. jit would
 * compute an elementwise result anew at every one of its uses, here once a code of every vector.
 */
export function stored(x: np.Array): np.Array {
  const shape = x.shape;
  const n = shape[shape.length - 1] as number;
  return np.matmul(x.reshape([-1, n]), np.eye(n)).reshape(shape);
}

/** A table of part `m` `[N, n]` along its own axis of `[N, n1, n2, ...]`. */
export function along(table: np.Array, m: number, parts: number): np.Array {
  const [N, n] = table.shape as [number, number];
  return table.reshape([N, ...Array.from({ length: parts }, (_, at) => (at === m ? n : 1))]);
}

/**
 * `sum over the codes of the other parts` of `values` times their probabilities: `[N, n]` for part
 * `m`. The product is reduced where it arises and never stored.
 *
 * @param values `[N or 1, n1, n2, ...]`
 */
export function meanOverOthers(values: np.Array, { p }: PartTables, m: number): np.Array {
  const others = p.flatMap((table, at) => (at === m ? [] : [along(table.ref, at, p.length)]));
  const weighted = others.reduce((product, table) => product.mul(table), values);
  const axes = p.flatMap((_, at) => (at === m ? [] : [at + 1]));
  return axes.length === 0 ? weighted : np.sum(weighted, axes);
}

/**
 * Gradient by the logits of a sum over codes, from its gradient by the log-probability of every code
 * of every part: `dlog p[i] / dl[d] = bit d of i - sigmoid(l[d])`.
 *
 * @param by a gradient `[N, 2^bits]` for each part
 * @returns `[N, b]`
 */
export function throughTables(
  logits: np.Array,
  parts: readonly Bits[],
  by: readonly np.Array[],
): np.Array {
  const pieces = parts.map((part, m) => {
    const gradient = by[m] as np.Array;
    const bits = part[1] - part[0];
    const table = np.array(bitTable(bits), { shape: [bits, 2 ** bits] });
    const total = np.sum(gradient.ref, 1, { keepdims: true }); // [N, 1]
    const one = np.exp(logSigmoid(logits.ref.slice([], part)));
    return np.matmul(gradient, table.transpose()).sub(one.mul(total)); // [N, bits]
  });
  return np.concatenate(pieces, 1);
}
