import { codeCounts, perplexity, usedCodes } from "vector-quantize";

/** How codes are used. */
export interface Usage {
  /** Uses of every code, codebook after codebook. */
  readonly counts: Float64Array;
  /** Codes that could evenly do the same: the mean over the codebooks. */
  readonly perplexity: number;
  readonly usedCodes: number;
}

/**
 * Counts codes.
 *
 * @param indices positions of all images; where a vector gets several indices, one after another.
 * @param codebookSizes one entry per index that a vector gets.
 */
export function measureUsage(indices: Int32Array, codebookSizes: readonly number[]): Usage {
  const layers = codebookSizes.length;
  const counts = codebookSizes.map((size, layer) => {
    const own = layers === 1 ? indices : indices.filter((_, i) => i % layers === layer);
    return codeCounts(own, size);
  });
  return {
    counts: Float64Array.from(counts.flatMap((layer) => [...layer])),
    perplexity: counts.reduce((sum, layer) => sum + perplexity(layer), 0) / layers,
    usedCodes: counts.reduce((sum, layer) => sum + usedCodes(layer), 0),
  };
}
