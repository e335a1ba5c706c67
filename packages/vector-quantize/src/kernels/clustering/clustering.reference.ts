import { assignStatsReference } from "../codes/assignStats.reference.ts";
import { nearestReference } from "../search/nearest.reference.ts";
import {
  type Clustering,
  type ClusteringOptions,
  DRAW_BLOCK,
  drawRow,
  fillEmptyClusters,
} from "./clustering.ts";

/** Reference of the steps of k-means on the kernels; sums are in the same order, to the bit. */
export function createScalarClustering(options: ClusteringOptions): Clustering {
  const { dim, clusters, metric, rows } = options;
  const vectors = new Float32Array(rows * dim);
  const centroids = new Float32Array(clusters * dim);
  const distances = new Float32Array(rows);
  let indices = new Int32Array(rows).fill(-1);
  let counts = new Int32Array(clusters);
  let sums = new Float32Array(clusters * dim);

  return {
    async load(given, chosen) {
      for (let n = 0; n < rows; n++) {
        const from = (chosen?.[n] ?? n) * dim;
        vectors.set(given.subarray(from, from + dim), n * dim);
      }
      let bad = 0;
      for (let n = 0; n < rows; n++) {
        const row = vectors.subarray(n * dim, (n + 1) * dim);
        if (!row.every(Number.isFinite)) bad++;
        else if (metric === "cosine") normalize(row);
      }
      return bad;
    },

    async seedAt(chosen) {
      for (const [k, row] of chosen.entries()) {
        centroids.set(vectors.subarray(row * dim, (row + 1) * dim), k * dim);
      }
    },

    async seedApart(next) {
      const least = new Float32Array(rows).fill(Number.POSITIVE_INFINITY);
      let row = Math.floor(next() * rows);
      for (let k = 0; k < clusters; k++) {
        const center = vectors.subarray(row * dim, (row + 1) * dim);
        centroids.set(center, k * dim);
        const blocks = new Float64Array(Math.ceil(rows / DRAW_BLOCK));
        for (let n = 0; n < rows; n++) {
          const { distances: found } = nearestReference(
            vectors.subarray(n * dim, (n + 1) * dim),
            center,
            dim,
          );
          least[n] = Math.min(least[n]!, found[0]!);
          blocks[Math.floor(n / DRAW_BLOCK)]! += least[n]!;
        }
        row = drawRow(blocks, least, next);
      }
    },

    async assign() {
      const found = nearestReference(vectors, centroids, dim, metric);
      distances.set(found.distances);
      let changed = 0;
      for (let n = 0; n < rows; n++) if (found.indices[n] !== indices[n]) changed++;
      indices = found.indices;
      return changed;
    },

    async move(accumulate) {
      const part = assignStatsReference(vectors, indices, dim, clusters);
      if (accumulate) {
        counts = counts.map((count, k) => count + part.counts[k]!);
        sums = sums.map((sum, i) => sum + part.sums[i]!);
      } else ({ counts, sums } = part);
      fillEmptyClusters({ vectors, indices, distances, counts, sums }, dim);
      for (let k = 0; k < clusters; k++) {
        if (counts[k] === 0) continue;
        const mean = centroids.subarray(k * dim, (k + 1) * dim);
        for (let d = 0; d < dim; d++) mean[d] = sums[k * dim + d]! / counts[k]!;
        if (metric === "cosine") normalize(mean);
      }
    },

    centroids: () => centroids.slice(),
    counts: () => counts.slice(),
    inertia: () => distances.reduce((sum, distance) => sum + distance, 0),
  };
}

/** Scales a row to length 1; a row of zeros stays. */
function normalize(row: Float32Array): void {
  let squares = 0;
  for (const value of row) squares += value * value;
  if (squares === 0) return;
  const scale = 1 / Math.sqrt(squares);
  for (let d = 0; d < row.length; d++) row[d]! *= scale;
}
