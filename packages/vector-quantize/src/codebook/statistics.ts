import { numpy as np, tree } from "@jax-js/jax";
import { lazy } from "../lazy.ts";
import { floats } from "../search/kernel.ts";
import { owns } from "../tree.ts";
import type { CodeStatistics } from "./averages.ts";

const statisticsModule = lazy(() => import("../kernels/codes/assignStats.ts"));
const shaderModule = lazy(() => import("../shaders/codes/statistics.ts"));

/** Vectors `[M, C]` and their int32 codes `[M]`; rows with -1 are left out. */
type Assigned = { vectors: np.Array; indices: np.Array };

/**
 * What each code got, by the kernels: the meaning of `codeStatistics`, for each of several books.
 * Does not take ownership.
 *
 * @param K codebook size
 */
export async function statisticsOnKernels(
  books: readonly Assigned[],
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

/** The same by the shaders, for arrays on WebGPU: all stays there. */
export async function statisticsOnShaders(
  books: readonly Assigned[],
  K: number,
): Promise<CodeStatistics[]> {
  const { sumByCode } = await shaderModule();
  const found: CodeStatistics[] = [];
  using _ = owns(found);
  for (const { vectors, indices } of books) {
    const [rows, dim] = vectors.shape as [number, number];
    const { device } = vectors;
    const counts = np.zeros([K], { device });
    const sums = np.zeros([K, dim], { device });
    found.push({ counts, sums });
    const [of, at, countsTo, sumsTo] = (await Promise.all(
      [vectors, indices, counts, sums].map((array) => array.ref.gpuBuffer()),
    )) as [GPUBuffer, GPUBuffer, GPUBuffer, GPUBuffer];
    const to = { counts: countsTo, sums: sumsTo };
    await sumByCode({ vectors: of, indices: at, rows, dim, codes: K, ...to });
  }
  return tree.ref(found);
}
