import { assignStatsScalar } from "./assignStats.ts";

/**
 * Scalar twin of Lloyd's iterations in `kmeans` from given centroids, for data on which no cluster
 * runs empty: `iterations` times, assign every vector to its nearest centroid (float64, the lowest
 * index on ties) and move the centroids to the means; "cosine" scales both to length 1.
 */
export function lloydScalar(
  vectors: Float32Array,
  start: Float32Array,
  dim: number,
  iterations: number,
  metric: "euclidean" | "cosine",
): { centroids: Float32Array; counts: Int32Array; inertia: number } {
  const spherical = metric === "cosine";
  const clusters = start.length / dim;
  const data = spherical ? unitRows(vectors, dim) : vectors;
  let centroids = spherical ? unitRows(start, dim) : start.slice();
  let counts = new Int32Array(clusters);
  let inertia = 0;
  for (let step = 0; step < iterations; step++) {
    inertia = 0;
    const indices = new Int32Array(data.length / dim);
    for (let n = 0; n < indices.length; n++) {
      let least = Number.POSITIVE_INFINITY;
      for (let k = 0; k < clusters; k++) {
        let distance = 0;
        let length = 0;
        for (let d = 0; d < dim; d++) {
          const x = data[n * dim + d]!;
          const c = centroids[k * dim + d]!;
          distance += spherical ? -x * c : (x - c) ** 2;
          length += c * c;
        }
        if (spherical) distance *= 1 / Math.sqrt(length);
        if (distance < least) {
          least = distance;
          indices[n] = k;
        }
      }
      inertia += spherical ? 1 + least : least;
    }
    const stats = assignStatsScalar(data, indices, dim, clusters);
    counts = stats.counts as Int32Array<ArrayBuffer>;
    centroids = stats.sums.map((sum, i) => sum / counts[Math.floor(i / dim)]!);
    if (spherical) centroids = unitRows(centroids, dim);
  }
  return { centroids, counts, inertia };
}

function unitRows(rows: Float32Array, dim: number): Float32Array<ArrayBuffer> {
  const out = rows.slice();
  for (let first = 0; first < rows.length; first += dim) {
    let squares = 0;
    for (let i = first; i < first + dim; i++) squares += rows[i]! ** 2;
    if (squares === 0) continue;
    const scale = 1 / Math.sqrt(squares);
    for (let i = first; i < first + dim; i++) out[i] = rows[i]! * scale;
  }
  return out;
}
