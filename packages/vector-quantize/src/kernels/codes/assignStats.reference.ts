/** Rows of the code-ordered sequence that are summed as one block; part of the result's definition. */
export const STATS_BLOCK = 256;
/** Numbers in a segment of rows, which is ordered and summed by itself; part of the definition too. */
export const STATS_SEGMENT = 2 ** 23;

/** Counts and sums of the vectors assigned to each code. */
export interface AssignStats {
  /** Vectors per code `[K]`. */
  counts: Int32Array<ArrayBuffer>;
  /** Sum of the vectors of each code `[K, D]`. */
  sums: Float32Array<ArrayBuffer>;
}

/** Row numbers ordered by code, and where each code's rows start. */
export interface CodeOrder {
  /** Row numbers, rising within each code; rows with index -1 are left out. */
  order: Int32Array;
  /** `[K + 1]`: code `k` has the positions `starts[k] ... starts[k + 1]`. */
  starts: Int32Array;
}

/** Stable counting sort of row numbers by index; -1 is left out. */
export function orderByCodeReference(indices: Int32Array, codes: number): CodeOrder {
  const starts = new Int32Array(codes + 1);
  for (const index of indices) if (index >= 0) starts[index + 1]!++;
  for (let k = 0; k < codes; k++) starts[k + 1]! += starts[k]!;
  const next = starts.slice(0, codes);
  const order = new Int32Array(starts[codes]!);
  for (let n = 0; n < indices.length; n++) {
    const index = indices[n]!;
    if (index >= 0) order[next[index]!++] = n;
  }
  return { order, starts };
}

/**
 * Reference of `assignStats`: `counts[k] = #{n : indices[n] = k}`,
 * `sums[k] = sum of vectors[n] over indices[n] = k`.
 *
 * The order of the float32 additions is part of the definition: rows come in segments of
 * `segmentRows`; in each they are ordered by code, cut into blocks of `STATS_BLOCK` and summed within
 * a block in order; blocks, then segments, are added in order.
 *
 * @param weights what rows count in the sums, one each if none are given
 */
export function assignStatsReference(
  vectors: Float32Array,
  indices: Int32Array,
  dim: number,
  codes: number,
  segmentRows = Math.max(STATS_BLOCK, Math.floor(STATS_SEGMENT / dim)),
  weights?: Float32Array,
): AssignStats {
  const counts = new Int32Array(codes);
  const sums = new Float32Array(codes * dim);
  for (let first = 0; first < indices.length; first += segmentRows) {
    const rows = vectors.subarray(first * dim, (first + segmentRows) * dim);
    const own = weights?.subarray(first, first + segmentRows);
    const part = segmentStats(rows, indices.subarray(first, first + segmentRows), dim, codes, own);
    for (let k = 0; k < codes; k++) counts[k]! += part.counts[k]!;
    for (let i = 0; i < sums.length; i++) sums[i]! += part.sums[i]!;
  }
  return { counts, sums };
}

function segmentStats(
  vectors: Float32Array,
  indices: Int32Array,
  dim: number,
  codes: number,
  weights?: Float32Array,
): AssignStats {
  const { order, starts } = orderByCodeReference(indices, codes);
  const counts = new Int32Array(codes);
  const sums = new Float32Array(codes * dim);
  const block = new Float32Array(dim);
  for (let k = 0; k < codes; k++) {
    const end = starts[k + 1]!;
    counts[k] = end - starts[k]!;
    for (let from = starts[k]!; from < end; ) {
      const to = Math.min(end, from - (from % STATS_BLOCK) + STATS_BLOCK);
      block.fill(0);
      for (let p = from; p < to; p++) {
        const row = order[p]! * dim;
        const weight = weights?.[order[p]!] ?? 1;
        for (let d = 0; d < dim; d++) block[d]! += Math.fround(weight * vectors[row + d]!);
      }
      for (let d = 0; d < dim; d++) sums[k * dim + d]! += block[d]!;
      from = to;
    }
  }
  return { counts, sums };
}
