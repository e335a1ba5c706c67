import type { Pool } from "../engine/pool.ts";
import { createSearch } from "../search/createSearch.ts";
import type { Search } from "../search/search.ts";
import type { CodeMetric } from "./codeQuantizer.ts";

/** Centers of inverted lists, and the search for the nearest of them. */
export interface CoarseCells {
  readonly count: number;
  readonly centroids: Float32Array;
  /** The list of each vector. */
  of(vectors: Float32Array): Promise<Int32Array>;
  /** The lists that queries look into, the nearest first, and what is added to estimates in each. */
  probes(
    queries: Float32Array,
    probes: number,
  ): Promise<{ readonly cells: Int32Array; readonly bases: Float32Array }>;
  dispose(): void;
}

/** Lists with these centers, `[C, D]`. */
export async function createCells(
  centroids: Float32Array,
  { dim, metric }: { readonly dim: number; readonly metric: CodeMetric },
  pool: Pool | undefined,
): Promise<CoarseCells> {
  const own = centroids.slice();
  // What is added to estimates must be the same on every machine.
  const where = { dim, reproducible: true, ...(pool && { pool }) };
  const nearest = await createSearch(own, where);
  const asked = metric === "dot" ? await createDot(own, where, nearest) : nearest;
  return {
    count: own.length / dim,
    centroids: own,
    of: async (vectors) => (await nearest.nearest(vectors)).indices,
    async probes(queries, probes) {
      const { indices, distances } = await asked.nearestTopK(queries, probes);
      // Cosines are half the squared distances of vectors of length 1.
      const bases = metric === "cosine" ? distances.map((base) => base / 2) : distances;
      return { cells: indices, bases };
    },
    dispose() {
      nearest.dispose();
      if (asked !== nearest) asked.dispose();
    },
  };
}

async function createDot(
  centroids: Float32Array,
  where: { dim: number; pool?: Pool },
  other: Search,
): Promise<Search> {
  try {
    return await createSearch(centroids, { ...where, metric: "dot" });
  } catch (error) {
    other.dispose();
    throw error;
  }
}
