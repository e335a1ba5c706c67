import type { numpy as np } from "@jax-js/jax";
import type { Search } from "../kernels/search/search.ts";
import { lazy } from "../lazy.ts";
import type { Metric } from "./graph.ts";
import { withCachedSearch } from "./searchCache.ts";
import { NUMBER_LIMIT } from "./usable.ts";

const searchModule = lazy(() => import("../kernels/search/createSearch.ts"));

/**
 * Index of the nearest code of each vector, by the kernels: the meaning of `nearestInGraph`, exact
 * in float64, and no N x K array.
 *
 * @param x vectors `[N, C]`; a row that is not usable gets index -1
 * @param codebook codes `[K, C]`; for `cosine`, vectors and codes of unit length
 * @returns int32 `[N]`
 */
export async function nearestOnKernels(
  x: np.Array,
  codebook: np.Array,
  metric: Metric,
): Promise<Int32Array<ArrayBuffer>> {
  const dim = x.shape[1] as number;
  const [vectors, codes] = await Promise.all([floats(x), floats(codebook)]);
  return withCodes(codes, dim, metric, async (search) => (await search.nearest(vectors)).indices);
}

/** What `use` makes of a search in `codes` `[K, C]`. */
export async function withCodes<T>(
  codes: Float32Array,
  dim: number,
  metric: Metric,
  use: (search: Search) => Promise<T>,
): Promise<T> {
  const { createSearch } = await searchModule();
  const kind = metric === "cosine" ? "dot" : "euclidean";
  const recipe = {
    shape: `${kind} ${codes.length / dim} x ${dim}`,
    numbers: codes.length,
    make: () => createSearch(codes, { dim, metric: kind, invalid: "mark", limit: NUMBER_LIMIT }),
    exchange: (search: Search) => search.setCodebook(codes),
  };
  return withCachedSearch(recipe, use);
}

/** The numbers of a float32 array. Takes ownership. */
export async function floats(x: np.Array): Promise<Float32Array<ArrayBuffer>> {
  return (await x.data()) as Float32Array<ArrayBuffer>;
}
