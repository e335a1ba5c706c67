import type { Clustering } from "./clustering.ts";
import { drawByMass } from "./draws.ts";
import { sampleDistinct } from "./uniform.ts";

/** Centroids that k-means++ has, for each that it draws at a time: up to twice as many one after the other. */
const EARLIER = 16;

/** Starts the centroids at different vectors, each drawn with probability proportional to its weight. */
export async function seedBySample(
  clustering: Clustering,
  next: () => number,
  { rows, clusters, weighted }: { rows: number; clusters: number; weighted: boolean },
): Promise<void> {
  if (!weighted) return clustering.seedAt(sampleDistinct(next, rows, clusters), 0);
  clustering.masses.fill(1);
  await clustering.seedAt(await drawByMass(clustering.masses, next, clusters), 0);
}

/**
 * k-means++: each centroid a vector drawn with probability proportional to its weight and its squared distance
 * from the centroids before. From 32 on a sixteenth of as many as there are is drawn at a time, so that all
 * of them together take the work of one iteration and some 16 ln(K / 16) passes over the vectors.
 */
export async function seedApart(
  clustering: Clustering,
  next: () => number,
  clusters: number,
): Promise<void> {
  const { masses } = clustering;
  masses.fill(1);
  const first = await drawByMass(masses, next, 1);
  await clustering.seedAt(first, 0);
  masses.fill(Number.POSITIVE_INFINITY);
  let [before, drawn] = [0, 1];
  while (drawn < clusters) {
    await clustering.approach(before, drawn);
    const wanted = Math.min(Math.max(1, Math.floor(drawn / EARLIER)), clusters - drawn);
    const rows = await drawByMass(masses, next, wanted);
    // Once all vectors lie on centroids, more of them are copies.
    await clustering.seedAt(rows.length === 0 ? first : rows, drawn);
    [before, drawn] = [drawn, drawn + Math.max(1, rows.length)];
  }
}
