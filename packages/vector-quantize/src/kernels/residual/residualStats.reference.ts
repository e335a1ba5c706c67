import { type AssignStats, assignStatsReference } from "../codes/assignStats.reference.ts";

/** Reference of `residualStats`: in turn each layer's statistics, then its codes taken off. */
export function residualStatsReference(
  vectors: Float32Array,
  indices: Int32Array,
  codebooks: readonly Float32Array[],
  dim: number,
): AssignStats[] {
  const layers = codebooks.length;
  const residuals = vectors.slice();
  return codebooks.map((codebook, q) => {
    const column = indices.filter((_, i) => i % layers === q);
    const stats = assignStatsReference(residuals, column, dim, codebook.length / dim);
    for (let n = 0; n < column.length; n++) {
      const index = column[n]!;
      if (index < 0) continue;
      for (let d = 0; d < dim; d++) residuals[n * dim + d]! -= codebook[index * dim + d]!;
    }
    return stats;
  });
}
