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
 * Counts codes, codebook after codebook.
 *
 * @param indices positions of all images; where a vector gets several indices, one after another.
 * @param codebookSizes one entry per index that a vector gets.
 * @param groups of a grouped quantizer, whose indices these are as it puts them out: group after group.
 */
export function countCodes(
  indices: Int32Array,
  codebookSizes: readonly number[],
  groups = 0,
): Float64Array {
  if (groups > 1) {
    const [length, layers] = [indices.length / groups, codebookSizes.length / groups];
    const counts = Array.from({ length: groups }, (_, group) =>
      countCodes(
        indices.subarray(group * length, (group + 1) * length),
        codebookSizes.slice(group * layers, (group + 1) * layers),
      ),
    );
    return Float64Array.from(counts.flatMap((own) => [...own]));
  }
  const layers = codebookSizes.length;
  const counts = codebookSizes.map((size, layer) => {
    const own = layers === 1 ? indices : indices.filter((_, i) => i % layers === layer);
    return codeCounts(own, size);
  });
  return Float64Array.from(counts.flatMap((layer) => [...layer]));
}

/** What counts by `countCodes` come to. */
export function usageOf(counts: Float64Array, codebookSizes: readonly number[]): Usage {
  let end = 0;
  const layers = codebookSizes.map((size) => {
    end += size;
    return counts.subarray(end - size, end);
  });
  return {
    counts,
    perplexity: layers.reduce((sum, layer) => sum + perplexity(layer), 0) / layers.length,
    usedCodes: layers.reduce((sum, layer) => sum + usedCodes(layer), 0),
  };
}

/** How the codes of some images are used: their counts, and what these come to. */
export function measureUsage(indices: Int32Array, codebookSizes: readonly number[]): Usage {
  return usageOf(countCodes(indices, codebookSizes), codebookSizes);
}
