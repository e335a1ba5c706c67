import { numpy as np } from "@jax-js/jax";
import { lazy } from "../lazy.ts";
import { floats } from "../search/kernel.ts";
import type { CodeStatistics } from "./averages.ts";

const statisticsModule = lazy(() => import("../kernels/codes/assignStats.ts"));

/**
 * What each code got, by the kernels: the meaning of `codeStatistics`, for each of several books.
 * Does not take ownership.
 *
 * @param vectors `[M, C]` per book
 * @param indices int32 `[M]` per book; rows with -1 are left out
 * @param K codebook size
 */
export async function statisticsOnKernels(
  vectors: readonly np.Array[],
  indices: readonly np.Array[],
  K: number,
): Promise<CodeStatistics[]> {
  const { assignStats } = await statisticsModule();
  const found: CodeStatistics[] = [];
  for (const [book, rows] of vectors.entries()) {
    const C = rows.shape[1] as number;
    const of = (await (indices[book] as np.Array).ref.data()) as Int32Array;
    const { counts, sums } = await assignStats(await floats(rows.ref), of, { dim: C, codes: K });
    found.push({
      counts: np.array(Float32Array.from(counts)),
      sums: np.array(sums, { shape: [K, C] }),
    });
  }
  return found;
}
