/** The steps of k-means, on the kernels (`kernelClustering.ts`) or without (`clustering.reference.ts`). */

export type ClusterMetric = "euclidean" | "cosine";

export interface Clustering {
  /**
   * Brings the vectors in: those of the given rows, or all. Returns how many are not finite.
   * For "cosine" they are scaled to length 1.
   */
  load(vectors: Float32Array, rows?: Int32Array): Promise<number>;
  /** Starts the centroids at these vectors. */
  seedAt(rows: Int32Array): Promise<void>;
  /** Starts them by k-means++. */
  seedApart(next: () => number): Promise<void>;
  /** Finds each vector's nearest centroid. Returns how many differ from the time before. */
  assign(): Promise<number>;
  /** Moves the centroids to the means; with `accumulate`, of the vectors of earlier moves too. */
  move(accumulate: boolean): Promise<void>;
  centroids(): Float32Array<ArrayBuffer>;
  counts(): Int32Array<ArrayBuffer>;
  inertia(): number;
}

export interface ClusteringOptions {
  readonly dim: number;
  readonly clusters: number;
  readonly metric: ClusterMetric;
  /** Vectors that are held at a time. */
  readonly rows: number;
}

/** Rows whose squared distances are summed together when k-means++ draws; part of its definition. */
export const DRAW_BLOCK = 256;

/** What an assignment gave, and the statistics that follow from it. */
export interface Assigned {
  readonly vectors: Float32Array; // [N, D]
  readonly indices: Int32Array; // [N]
  readonly distances: Float32Array; // [N]
  readonly counts: Int32Array; // [K]
  readonly sums: Float32Array; // [K, D]
}

/**
 * Gives every cluster without vectors the vector farthest from its centroid, the second farthest to
 * the second, and so on; not one that is alone in its cluster, nor one that lies on its centroid.
 */
export function fillEmptyClusters(assigned: Assigned, dim: number): void {
  const { vectors, indices, distances, counts, sums } = assigned;
  const empty: number[] = [];
  for (const [k, count] of counts.entries()) if (count === 0) empty.push(k);
  if (empty.length === 0) return;
  for (const row of farthest(distances, empty.length + counts.length)) {
    const k = empty[0];
    if (k === undefined || !(distances[row]! > 0)) return;
    const from = indices[row]!;
    if (counts[from]! < 2) continue;
    empty.shift();
    counts[from]!--;
    counts[k] = 1;
    for (let d = 0; d < dim; d++) {
      const value = vectors[row * dim + d]!;
      sums[from * dim + d]! -= value;
      sums[k * dim + d] = value;
    }
    indices[row] = k;
  }
}

/** The rows at the largest distances, at least `wanted` of them, the farthest first. */
function farthest(distances: Float32Array, wanted: number): number[] {
  const limit = distances.slice().sort()[Math.max(0, distances.length - wanted)]!;
  const rows: number[] = [];
  for (let n = 0; n < distances.length; n++) if (distances[n]! >= limit) rows.push(n);
  return rows.sort((a, b) => distances[b]! - distances[a]! || a - b);
}

/** A row drawn with probability proportional to `weights`, whose sums over blocks are `sums`. */
export function drawRow(sums: Float64Array, weights: Float32Array, next: () => number): number {
  let total = 0;
  for (const sum of sums) total += sum;
  let rest = next() * total;
  let block = 0;
  while (block < sums.length - 1 && rest >= sums[block]!) rest -= sums[block++]!;
  const last = Math.min((block + 1) * DRAW_BLOCK, weights.length) - 1;
  let row = block * DRAW_BLOCK;
  while (row < last && rest >= weights[row]!) rest -= weights[row++]!;
  return row;
}
