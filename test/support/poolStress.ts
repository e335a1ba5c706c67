import { createPool } from "../../packages/vector-quantize/src/kernels/engine/createPool.ts";
import type { KernelModule } from "../../packages/vector-quantize/src/kernels/engine/kernelModule.ts";
import { createSearch } from "../../packages/vector-quantize/src/kernels/search/createSearch.ts";
import { integers, sameNumbers } from "./kernelPools.ts";

/** Answers that were compared, and how many of them were wrong. */
export interface StressResult {
  compared: number;
  wrong: number;
}

/**
 * A kernel that takes no time: `out[n] = n * factor + term` for i32 `out`, counted by rows.
 * By hand, so that nothing but the pool takes part in the job.
 */
const line = [
  ...[0, 97, 115, 109, 1, 0, 0, 0],
  ...[1, 11, 1, 96, 6, 127, 127, 127, 127, 127, 127, 1, 127], // (i32 x 6) -> i32
  ...[2, 18, 1, 3, 101, 110, 118, 6, 109, 101, 109, 111, 114, 121, 2, 3, 1, 128, 128, 4],
  ...[3, 2, 1, 0, 7, 8, 1, 4, 108, 105, 110, 101, 0, 0], // export "line"
  ...[10, 54, 1, 52, 0, 32, 1, 32, 0, 107, 33, 2], // count = end - begin
  ...[2, 64, 3, 64, 32, 0, 32, 1, 78, 13, 1], // while (begin < end)
  ...[32, 3, 32, 0, 65, 2, 116, 106, 32, 0, 32, 4, 108, 32, 5, 106, 54, 2, 0],
  ...[32, 0, 65, 1, 106, 33, 0, 12, 0, 11, 11, 32, 2, 11],
];
const code = async () => ({ default: btoa(String.fromCharCode(...line)) });
export const lineKernels: KernelModule<"line"> = {
  functions: ["line"],
  relaxed: code,
  plain: code,
};

/** Enough operations, by name, to be handed out to threads. */
const LARGE = 1e9;
const MOST_ROWS = 48;

/** Short jobs of few chunks, one right after the other. Each answer is compared. */
export async function stressPool(threads: number, jobs: number): Promise<StressResult> {
  const pool = createPool({ threads });
  const { line } = await pool.load(lineKernels, "plain");
  const outputs = [pool.memory.allocate(4 * MOST_ROWS), pool.memory.allocate(4 * MOST_ROWS)];
  const next = integers(threads, 0, 2 ** 20);
  let wrong = 0;
  for (let job = 0; job < jobs; job++) {
    const rows = 2 + (next() % (MOST_ROWS - 1));
    const chunkRows = 1 + (next() % Math.min(rows - 1, 8));
    const [factor, term, out] = [next(), next(), outputs[job % 2] as number];
    const found = pool.memory.i32(out, rows).fill(-1);
    const args = [out, factor, term];
    const count = await pool.exclusive(() =>
      pool.run(line, { rows, chunkRows, work: LARGE, args }),
    );
    const right = found.every((value, n) => value === ((Math.imul(n, factor) + term) | 0));
    if (count !== rows || !right) wrong++;
  }
  pool.dispose();
  return { compared: jobs, wrong };
}

const SIZES = [2500, 5000, 2600, 9000];
const [D, K] = [4, 512];

/** Searches of changing sizes. Each answer is compared with one thread's. */
export async function stressSearch(threads: number, calls: number): Promise<StressResult> {
  const next = integers(1, -1000, 1000);
  const numbers = (length: number) => Float32Array.from({ length }, () => next() / 1000);
  const codebook = numbers(K * D);
  const vectors = numbers(Math.max(...SIZES) * D);
  const alone = createPool({ threads: 1 });
  const reference = await createSearch(codebook, { dim: D, pool: alone });
  const { indices: wanted } = await reference.nearest(vectors);
  alone.dispose();

  const pool = createPool({ threads });
  const search = await createSearch(codebook, { dim: D, pool });
  let wrong = 0;
  for (let call = 0; call < calls; call++) {
    const size = SIZES[call % SIZES.length] as number;
    const { indices } = await search.nearest(vectors.subarray(0, size * D));
    if (!sameNumbers(indices, wanted.subarray(0, size))) wrong++;
  }
  pool.dispose();
  return { compared: calls, wrong };
}
