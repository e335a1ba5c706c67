import { checkInteger, checkNumber, expected } from "../errors.ts";
import { checkNumbers } from "./numbers.ts";

/** Most codes that are counted one by one: 1 GiB of counts. */
const mostCodes = 2 ** 27;

/**
 * How often each code occurs: `[K]`. Negative indices (masked positions) count for none.
 *
 * @param codebookSize `K`, at most 2^27
 * @throws for an index of `codebookSize` or more, or one that is no integer
 */
export function codeCounts(indices: ArrayLike<number>, codebookSize: number): Float64Array {
  checkNumbers("codeCounts: indices", indices);
  checkInteger("codeCounts: codebookSize", codebookSize);
  if (codebookSize > mostCodes) {
    const mend = "Of a larger lookup-free codebook, count the levelIndices of each dimension";
    throw expected("codeCounts: codebookSize", "at most 2^27", codebookSize, mend);
  }
  const counts = new Float64Array(codebookSize);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] as number;
    if (!Number.isInteger(index)) throw expected("codeCounts: indices", "integers", index);
    if (index < 0) continue;
    if (index >= codebookSize) {
      throw expected("codeCounts: indices", `below ${codebookSize}`, index);
    }
    counts[index] = (counts[index] as number) + 1;
  }
  return counts;
}

/** How many codes occur at all. */
export function usedCodes(counts: ArrayLike<number>): number {
  checkNumbers("usedCodes: counts", counts);
  let used = 0;
  for (let k = 0; k < counts.length; k++) if ((counts[k] as number) > 0) used++;
  return used;
}

/**
 * Entropy of the codes in bits: `-sum p log2 p` with `p = counts / sum(counts)`; 0 without counts.
 *
 * What an ideal entropy coder that knows these frequencies spends on one code.
 */
export function codeEntropy(counts: ArrayLike<number>): number {
  checkNumbers("codeEntropy: counts", counts);
  let total = 0;
  for (let k = 0; k < counts.length; k++) {
    checkNumber("codeEntropy: counts", counts[k], 0);
    total += counts[k] as number;
  }
  let bits = 0;
  for (let k = 0; k < counts.length; k++) {
    const p = (counts[k] as number) / total;
    if (p > 0) bits -= p * Math.log2(p);
  }
  return bits;
}

/** Perplexity, `exp(-sum p ln p)`: the number of codes that would be used as evenly, 1 to `K`. */
export function perplexity(counts: ArrayLike<number>): number {
  return 2 ** codeEntropy(counts);
}
