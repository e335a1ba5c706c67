import type { LevelCodec, LevelEncoding } from "./levelCodec.ts";

/** Indices of scalar-quantized vectors, wide enough for the codebook size. */
export type WideIndices = Int32Array | BigInt64Array;

/** What an encoder of scalars puts out. */
export interface EncodedLevels {
  /** One index a vector; -1 where the vector is not finite. */
  indices: WideIndices;
  /** How many vectors are not finite. */
  invalidRows: number;
}

/**
 * Reference of `encodeLevels`: the level of `x` in a dimension is the number of thresholds that
 * are at most `x`, the index is `sum of level[d] * basis[d]` in integers.
 */
export function encodeLevelsReference(codec: LevelEncoding, vectors: Float32Array): EncodedLevels {
  const { dim, levels, basis, thresholds } = codec;
  const rows = vectors.length / dim;
  const indices = codec.wide ? new BigInt64Array(rows) : new Int32Array(rows);
  let invalidRows = 0;
  for (let n = 0; n < rows; n++) {
    let wide = 0n;
    let index = 0;
    let bad = false;
    let first = 0; // where this dimension's thresholds start
    for (let d = 0; d < dim; d++) {
      const x = vectors[n * dim + d]!;
      if (!Number.isFinite(x)) bad = true;
      let level = 0;
      for (let j = 0; j < levels[d]! - 1; j++) if (x >= thresholds[first + j]!) level++;
      first += levels[d]! - 1;
      if (codec.wide) wide += BigInt(level) * basis[d]!;
      else index += level * Number(basis[d]!);
    }
    if (bad) invalidRows++;
    if (indices instanceof BigInt64Array) indices[n] = bad ? -1n : wide;
    else indices[n] = bad ? -1 : index;
  }
  return { indices, invalidRows };
}

/** Reference of `decodeLevels`: the value of each dimension's level; index -1 gives zeros. */
export function decodeLevelsReference(
  codec: LevelCodec,
  indices: WideIndices,
): Float32Array<ArrayBuffer> {
  const { dim, levels, values } = codec;
  const out = new Float32Array(indices.length * dim); // [N, D]
  for (let n = 0; n < indices.length; n++) {
    let rest = indices[n]!;
    if (rest < 0) continue;
    let first = 0; // where this dimension's values start
    for (let d = 0; d < dim; d++) {
      const count = levels[d]!;
      const level = typeof rest === "bigint" ? Number(rest % BigInt(count)) : rest % count;
      rest = typeof rest === "bigint" ? rest / BigInt(count) : (rest - level) / count;
      out[n * dim + d] = values[first + level]!;
      first += count;
    }
  }
  return out;
}
