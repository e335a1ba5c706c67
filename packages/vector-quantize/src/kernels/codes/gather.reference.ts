/** Reference of `gather`: `out[n] = codebook[indices[n]]`; index -1 gives zeros. */
export function gatherReference(
  codebook: Float32Array,
  indices: Int32Array,
  dim: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(indices.length * dim); // [N, D]
  for (let n = 0; n < indices.length; n++) {
    const index = indices[n]!;
    if (index >= 0) out.set(codebook.subarray(index * dim, (index + 1) * dim), n * dim);
  }
  return out;
}

/**
 * Reference of `decodeSum`: `out[n] = sum over q of codebooks[q][indices[n, q]]`, added in the
 * order of the layers; index -1 (a dropped layer) adds nothing.
 */
export function decodeSumReference(
  codebooks: readonly Float32Array[],
  indices: Int32Array,
  dim: number,
): Float32Array<ArrayBuffer> {
  const layers = codebooks.length;
  const rows = indices.length / layers;
  const out = new Float32Array(rows * dim); // [N, D]
  for (let n = 0; n < rows; n++) {
    for (let q = 0; q < layers; q++) {
      const index = indices[n * layers + q]!;
      if (index < 0) continue;
      const codebook = codebooks[q]!;
      for (let d = 0; d < dim; d++) out[n * dim + d]! += codebook[index * dim + d]!;
    }
  }
  return out;
}
