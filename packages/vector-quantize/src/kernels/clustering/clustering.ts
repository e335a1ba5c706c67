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
  /** Starts all `clusters` of them by k-means++. */
  seedApart(next: () => number, clusters: number): Promise<void>;
  /** Finds each vector's nearest centroid. Returns how many differ from the time before. */
  assign(): Promise<number>;
  /** Moves the centroids to the means; with `accumulate`, of the vectors of earlier moves too. */
  move(accumulate: boolean): Promise<void>;
  centroids(): Float32Array<ArrayBuffer>;
  counts(): Int32Array<ArrayBuffer>;
  inertia(): number | Promise<number>;
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

/** A vector that a cluster without any gets: from which cluster, and to which. */
export interface Filler {
  readonly row: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The vectors that clusters without any get: the first of them the vector farthest from its centroid, the
 * second the second farthest, and so on; not one that is alone in its cluster, nor one that lies on its
 * centroid. `counts` follow.
 *
 * @param candidates the farthest first
 */
export function chooseFillers(
  candidates: Iterable<{ row: number; from: number; distance: number }>,
  counts: Int32Array,
): Filler[] {
  const empty = [...counts.keys()].filter((k) => counts[k] === 0);
  const chosen: Filler[] = [];
  for (const { row, from, distance } of candidates) {
    const to = empty[0];
    if (to === undefined || !(distance > 0)) break;
    if (counts[from]! < 2) continue;
    empty.shift();
    counts[from]!--;
    counts[to] = 1;
    chosen.push({ row, from, to });
  }
  return chosen;
}

/** Gives every cluster without vectors one: see `chooseFillers`. */
export function fillEmptyClusters(assigned: Assigned, dim: number): void {
  const { vectors, indices, distances, counts, sums } = assigned;
  const empty = counts.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0);
  if (empty === 0) return;
  const candidates = farthest(distances, empty + counts.length).map((row) => ({
    ...{ row, from: indices[row]!, distance: distances[row]! },
  }));
  for (const { row, from, to } of chooseFillers(candidates, counts)) {
    for (let d = 0; d < dim; d++) {
      const value = vectors[row * dim + d]!;
      sums[from * dim + d]! -= value;
      sums[to * dim + d] = value;
    }
    indices[row] = to;
  }
}

/** The rows at the largest distances, at least `wanted` of them, the farthest first. */
export function farthest(distances: Float32Array, wanted: number): number[] {
  const limit = distances.slice().sort()[Math.max(0, distances.length - wanted)]!;
  const rows: number[] = [];
  for (let n = 0; n < distances.length; n++) if (distances[n]! >= limit) rows.push(n);
  return rows.sort((a, b) => distances[b]! - distances[a]! || a - b);
}

/** A row drawn with probability proportional to `weights`, whose sums over blocks are `sums`. */
export function drawRow(sums: Float64Array, weights: Float32Array, next: () => number): number {
  const { block, rest } = drawBlock(sums, next);
  return drawWithin(block, rest, weights);
}

/** The block of that row, and what is left to go in it. */
export function drawBlock(sums: Float64Array, next: () => number): { block: number; rest: number } {
  let total = 0;
  for (const sum of sums) total += sum;
  let rest = next() * total;
  let block = 0;
  while (block < sums.length - 1 && rest >= sums[block]!) rest -= sums[block++]!;
  return { block, rest };
}

/** The row within its block. */
export function drawWithin(block: number, left: number, weights: Float32Array): number {
  let rest = left;
  const last = Math.min((block + 1) * DRAW_BLOCK, weights.length) - 1;
  let row = block * DRAW_BLOCK;
  while (row < last && rest >= weights[row]!) rest -= weights[row++]!;
  return row;
}
