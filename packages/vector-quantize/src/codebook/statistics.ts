import { numpy as np } from "@jax-js/jax";
import { lazy } from "../lazy.ts";
import { floats } from "../search/kernel.ts";
import type { CodeStatistics } from "./averages.ts";

const statisticsModule = lazy(() => import("../kernels/codes/assignStats.ts"));

/**
 * What each code got, by the kernels: the meaning of `codeStatistics`, for each of several books.
 * Does not take ownership.
 *
 * @param books vectors `[M, C]` and int32 indices `[M]` of each; rows with -1 are left out
 * @param K codebook size
 */
export async function statisticsOnKernels(
  books: readonly { vectors: np.Array; indices: np.Array }[],
  K: number,
): Promise<CodeStatistics[]> {
  const { assignStats } = await statisticsModule();
  const found: CodeStatistics[] = [];
  for (const { vectors, indices } of books) {
    const dim = vectors.shape[1] as number;
    const of = (await indices.ref.data()) as Int32Array;
    const { counts, sums } = await assignStats(await floats(vectors.ref), of, { dim, codes: K });
    found.push({
      counts: np.array(Float32Array.from(counts)),
      sums: np.array(sums, { shape: [K, dim] }),
    });
  }
  return found;
}
