import type { EncodedLevels, WideIndices } from "./encodeLevels.reference.ts";

/**
 * Reference of `encodeSigns`: bit `D - 1 - d` of the index is 1 where `x[d] > 0`, so the first
 * dimension is the most significant bit.
 */
export function encodeSignsReference(vectors: Float32Array, dim: number): EncodedLevels {
  const rows = vectors.length / dim;
  const indices = dim > 31 ? new BigInt64Array(rows) : new Int32Array(rows);
  let invalidRows = 0;
  for (let n = 0; n < rows; n++) {
    let index = 0n;
    let bad = false;
    for (let d = 0; d < dim; d++) {
      const x = vectors[n * dim + d]!;
      if (!Number.isFinite(x)) bad = true;
      index = index * 2n + (x > 0 ? 1n : 0n);
    }
    if (bad) invalidRows++;
    if (indices instanceof BigInt64Array) indices[n] = bad ? -1n : index;
    else indices[n] = bad ? -1 : Number(index);
  }
  return { indices, invalidRows };
}

/** Reference of `decodeSigns`: `scale` where the bit is 1, `-scale` where it is 0; -1 gives zeros. */
export function decodeSignsReference(
  indices: WideIndices,
  dim: number,
  scale: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(indices.length * dim); // [N, D]
  for (let n = 0; n < indices.length; n++) {
    const index = BigInt(indices[n]!);
    if (index < 0n) continue;
    for (let d = 0; d < dim; d++) {
      out[n * dim + d] = (index >> BigInt(dim - 1 - d)) & 1n ? scale : -scale;
    }
  }
  return out;
}
