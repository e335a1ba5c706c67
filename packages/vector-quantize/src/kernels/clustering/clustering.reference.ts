import { assignStatsReference } from "../codes/assignStats.reference.ts";
import { nearestReference } from "../search/nearest.reference.ts";
import {
  addInertia,
  addToTally,
  Chosen,
  type Clustering,
  type ClusteringOptions,
  chooseFillers,
  emptyClusters,
  emptyTally,
  farthest,
  moveFillers,
  normalize,
} from "./clustering.ts";
import { massesOf } from "./draws.ts";

/** Reference of the steps of k-means on the kernels; sums are in the same order, to the bit. */
export function createScalarClustering(options: ClusteringOptions): Clustering {
  const { dim, clusters, metric, vectors, tick } = options;
  const chosen = new Chosen(options);
  const centroids = new Float32Array(clusters * dim);
  let x = new Float32Array(0);
  let distances = new Float32Array(0);
  let labels = new Int32Array(0);
  let tally = emptyTally(clusters);
  let sums = new Float32Array(clusters * dim);
  const rowAt = (n: number) => x.subarray(n * dim, (n + 1) * dim);

  return {
    choose(rows) {
      chosen.choose(rows);
      x = new Float32Array(chosen.count * dim);
      for (let n = 0; n < chosen.count; n++) {
        const from = chosen.rowOf(n) * dim;
        x.set(vectors.subarray(from, from + dim), n * dim);
        if (metric === "cosine") normalize(rowAt(n));
      }
      distances = new Float32Array(chosen.count);
      labels = new Int32Array(chosen.count).fill(-1);
    },

    async seedAt(rows, first) {
      for (const [k, row] of rows.entries()) centroids.set(rowAt(row), (first + k) * dim);
    },

    async startAt(given) {
      centroids.set(given);
      if (metric !== "cosine") return;
      for (let k = 0; k < clusters; k++) normalize(centroids.subarray(k * dim, (k + 1) * dim));
    },

    masses: massesOf(
      () => distances,
      () => chosen.weights,
    ),

    async approach(from, to) {
      const near = nearestReference(x, centroids.subarray(from * dim, to * dim), dim);
      for (const [n, distance] of near.distances.entries()) {
        distances[n] = Math.min(distances[n]!, distance);
      }
      await tick((to - from) / clusters);
    },

    async assign() {
      const found = nearestReference(x, centroids, dim, metric);
      distances.set(found.distances);
      let changed = 0;
      for (let n = 0; n < labels.length; n++) if (found.indices[n] !== labels[n]) changed++;
      labels.set(found.indices);
      await tick(1);
      return changed;
    },

    async move(accumulate) {
      const part = assignStatsReference(x, labels, dim, clusters, undefined, chosen.weights);
      if (accumulate) sums = sums.map((sum, i) => sum + part.sums[i]!);
      else {
        sums = part.sums;
        tally = emptyTally(clusters);
      }
      addToTally(tally, labels, chosen.weights);
      const empty = emptyClusters(tally).length;
      if (empty > 0) {
        const candidates = farthest(empty + clusters, labels, distances, chosen.weights);
        const moves = chooseFillers(candidates, tally);
        moveFillers(moves, Float32Array.from(moves.flatMap(({ row }) => [...rowAt(row)])), sums);
        for (const { row, to } of moves) labels[row] = to;
      }
      for (let k = 0; k < clusters; k++) {
        const count = Math.fround(tally.counts[k]!);
        if (count === 0) continue;
        const mean = centroids.subarray(k * dim, (k + 1) * dim);
        for (let d = 0; d < dim; d++) mean[d] = sums[k * dim + d]! / count;
        if (metric === "cosine") normalize(mean);
      }
    },

    centroids: () => centroids.slice(),
    counts: () => tally.counts.slice(),
    labels: () => labels,
    distances: () => distances,
    inertia: () => addInertia(0, distances, chosen.weights),
  };
}
