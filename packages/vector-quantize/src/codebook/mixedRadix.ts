import { numpy as np } from "@jax-js/jax";
import { checkInteger, expected } from "../errors.ts";
import { both, everyTrue, present } from "../tracing.ts";

/**
 * How the levels of a vector's dimensions make its index: `sum of level[d] * (product of the levels
 * of faster dimensions)`, in integers, never through a float.
 *
 * A codebook of up to 2^31 codes has one int32 index a vector. A larger one has several, its
 * *words*: each word is the index of as many dimensions as an int32 holds, the fastest first, and
 * the index as a whole is `sum of word[w] * (product of sizes[0 ... w - 1])`.
 */
export interface MixedRadix {
  /** Levels of each dimension, `[d]`. */
  readonly levels: readonly number[];
  /** Codes of each word, `[W]`: one entry unless there are more than 2^31 codes. */
  readonly sizes: readonly number[];
  /** The word that holds each dimension, `[d]`. */
  readonly words: readonly number[];
  /** Place value of each dimension within its word, `[d]`. */
  readonly places: readonly number[];
}

const largestWord = 2 ** 31;
// Levels pass through float32 when they are computed and decoded.
const mostLevels = 2 ** 22;
/** Most dimensions of a code: tables of words by dimensions stay small, and `checkLevels` quick. */
export const mostDimensions = 4096;

/** Which dimension's level is the index's last digit. */
export type Fastest = "first" | "last";

/** Throws unless `levels` are a list of integers of at least 2. */
export function checkLevels(where: string, levels: unknown): void {
  if (!Array.isArray(levels) || levels.length === 0) {
    throw expected(where, "a list of at least one number of levels", levels);
  }
  if (levels.length > mostDimensions) {
    throw expected(`${where}: length`, `at most ${mostDimensions}`, levels.length);
  }
  for (const count of levels) {
    checkInteger(where, count, 2);
    if (count > mostLevels) throw expected(where, `at most ${mostLevels} levels each`, count);
  }
}

/** Lays `levels`, which `checkLevels` passes, out in words. */
export function mixedRadix(levels: readonly number[], fastest: Fastest): MixedRadix {
  const sizes = [1];
  const words = new Array<number>(levels.length);
  const places = new Array<number>(levels.length);
  const order = levels.map((_, d) => (fastest === "first" ? d : levels.length - 1 - d));
  for (const d of order) {
    const count = levels[d] as number;
    if ((sizes.at(-1) as number) * count > largestWord) sizes.push(1);
    words[d] = sizes.length - 1;
    places[d] = sizes.at(-1) as number;
    sizes[sizes.length - 1] = (sizes.at(-1) as number) * count;
  }
  return { levels: [...levels], sizes, words, places };
}

const integers = (values: readonly number[], shape = [values.length]) =>
  np.array(new Int32Array(values), { shape });

/** int32 levels `[..., d]` as words `[..., W]`. */
export function joinLevels({ sizes, words, places }: MixedRadix, levels: np.Array): np.Array {
  if (sizes.length === 1) return np.sum(levels.mul(integers(places)), -1, { keepdims: true });
  const weights = sizes.flatMap((_, w) => places.map((place, d) => (words[d] === w ? place : 0)));
  const table = integers(weights, [sizes.length, places.length]); // [W, d]
  return np.sum(np.expandDims(levels, -2).mul(table), -1); // [..., W]
}

/** Words `[..., W]` as int32 levels `[..., d]`; what an index out of range gives is undefined. */
export function splitWords(radix: MixedRadix, indices: np.Array): np.Array {
  const { sizes, words, places, levels } = radix;
  const chosen = sizes.flatMap((_, w) => words.map((word) => (word === w ? 1 : 0)));
  const table = integers(chosen, [sizes.length, words.length]); // [W, d]
  const spread =
    sizes.length === 1 ? indices : np.sum(np.expandDims(indices, -1).mul(table.ref), -2); // [..., d]
  table.dispose();
  // Not `mod` nor `floorDivide`: under a gradient, jax-js's remainder of integers is the dividend.
  const rest = spread.div(integers(places));
  const size = integers(levels);
  return rest.ref.sub(rest.div(size.ref).mul(size)); // [..., d]
}

/** Which words `[..., W]` all lie within their sizes: bool `[...]`. */
export function wordsInRange({ sizes }: MixedRadix, indices: np.Array): np.Array {
  const last = integers(sizes.map((size) => size - 1)); // a size may be 2^31
  const below = np.logicalNot(indices.ref.greater(last));
  return everyTrue(both(present(indices), below), -1);
}

/**
 * The words of an index of a codebook of any size as one exact integer,
 * `sum of words[w] * (product of sizes[0 ... w - 1])`.
 *
 * ```ts
 * const { codebookSizes } = fsq({ levels: Array(11).fill(8) }); // [2^30, 8]
 * joinWords([5, 1], codebookSizes); // 2n ** 30n + 5n
 * ```
 *
 * @param words one number a word, as an index has them along its last axis
 * @param sizes the codes of each word: the quantizer's `codebookSizes`, of one codebook
 * @throws VectorQuantizeError for a word out of range
 */
export function joinWords(words: ArrayLike<number>, sizes: readonly number[]): bigint {
  checkSizes("joinWords", sizes);
  if (typeof words !== "object" || words === null) {
    throw expected("joinWords: words", "a list of integers", words);
  }
  if (words.length !== sizes.length) {
    throw expected("joinWords: number of words", String(sizes.length), words.length);
  }
  let whole = 0n;
  for (let w = sizes.length - 1; w >= 0; w--) {
    const size = sizes[w] as number;
    const word = words[w] as number;
    if (!Number.isInteger(word) || word < 0 || word >= size) {
      throw expected(`joinWords: word ${w}`, `an integer from 0 to ${size - 1}`, word);
    }
    whole = whole * BigInt(size) + BigInt(word);
  }
  return whole;
}

function checkSizes(where: string, sizes: unknown): void {
  if (!Array.isArray(sizes) || sizes.length === 0) {
    throw expected(`${where}: sizes`, "the codebookSizes of a quantizer", sizes);
  }
  for (const size of sizes) checkInteger(`${where}: sizes`, size);
}

/** The inverse of `joinWords`. Throws for an index that the codebook does not have. */
export function splitIndex(index: bigint, sizes: readonly number[]): Int32Array {
  checkSizes("splitIndex", sizes);
  if (typeof index !== "bigint") throw expected("splitIndex: index", "a bigint such as 7n", index);
  const words = new Int32Array(sizes.length);
  let rest = index;
  for (const [w, size] of sizes.entries()) {
    words[w] = Number(rest % BigInt(size));
    rest /= BigInt(size);
  }
  if (index < 0n || rest > 0n) {
    const codes = sizes.reduce((product, size) => product * BigInt(size), 1n);
    throw expected("splitIndex: index", `an integer from 0 to ${codes - 1n}`, index);
  }
  return words;
}
