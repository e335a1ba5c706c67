import { searchKernels } from "../../engine/binaries/search.ts";
import type { KernelForm } from "../../engine/kernelModule.ts";
import type { Kernel, Pool } from "../../engine/pool.ts";
import { type PackedCodebook, packCodebook } from "../packedCodebook.ts";
import { fastestTile, nearestScratch, pattern } from "../tileChoice.ts";
import { filterScratch, topKFilterScratch } from "./filterCodebook.ts";
import { createPruning, type Pruning } from "./pruning.ts";

/** Rows of the trial. */
const ROWS = 48;
/** Numbers of the trial's codes; more of them do not change which search is the faster. */
const MOST_NUMBERS = 2 ** 16;
/** With fewer codes there is nothing to leave out. */
const LEAST_CODES = 64;
/** Features beyond this do not change it either. */
const MOST_FEATURES = 128;
/** Features beyond which the sums of the filter's bounds grow loose. */
const MOST_FILTERED_FEATURES = 2048;
/** Calls after which an engine without `compilesOptimized` has surely optimised the kernel. */
const WARM_UP = 100;
const ROUNDS = 6;

const choices = new WeakMap<Pool, Map<string, boolean>>();

/**
 * Whether the search for the `k` nearest behind the filter is faster here than that in float32 alone.
 * Found by a trial of 1 to 20 ms, once. It can't change an answer, only the time. Call it inside
 * `pool.exclusive`.
 */
export async function integersAreFaster(
  pool: Pool,
  form: KernelForm,
  { dim, size }: PackedCodebook,
  k = 1,
): Promise<boolean> {
  if (size < LEAST_CODES || dim > MOST_FILTERED_FEATURES) return false;
  const features = Math.min(MOST_FEATURES, 2 ** Math.ceil(Math.log2(dim)));
  const codes = Math.min(MOST_NUMBERS / features, 2 ** Math.floor(Math.log2(size)));
  let known = choices.get(pool);
  if (known === undefined) {
    known = new Map();
    choices.set(pool, known);
  }
  const wanted = 2 ** Math.ceil(Math.log2(k));
  const key = `${form} ${features} ${codes} ${wanted}`;
  let choice = known.get(key);
  if (choice === undefined) {
    choice = await trial(pool, form, features, codes, wanted);
    known.set(key, choice);
  }
  return choice;
}

/** The pruning of `book`, with integers if they are faster. Call it inside `pool.exclusive`. */
export async function fastestPruning(
  pool: Pool,
  book: PackedCodebook,
  form: KernelForm,
): Promise<Pruning> {
  return createPruning(pool, book, form, await integersAreFaster(pool, form, book));
}

function trial(
  pool: Pool,
  form: KernelForm,
  dim: number,
  size: number,
  k: number,
): Promise<boolean> {
  return pool.memory.lend(async (scope) => {
    const kernels = k === 1 ? await nearestKernels(pool, form) : await topKKernels(pool, form);
    const tile = await fastestTile(pool, form, dim);
    const shape = { dim, size, metric: "euclidean", tile, form } as const;
    const book = scope.adopt(await packCodebook(pool, shape));
    await book.set(pattern(size * dim, 2));
    const filter = scope.adopt(await createPruning(pool, book, form, true));
    await filter.update();
    const scratch = scope.allocate(kernels.scratch(dim, k));
    const rows = scope.copyOf(pattern(ROWS * dim, 1));
    const out = scope.allocate(8 * ROWS * k);

    const args = [book.header, rows, out, out + 4 * ROWS * k, ROWS, ...(k === 1 ? [] : [k])];
    const inFloats = () => kernels.floats.call(0, ROWS, scratch, ...args);
    const integers = await filter.start(0, k === 1 ? "nearest" : "top-k");
    const inIntegers = () => kernels.filtered.call(0, ROWS, scratch, ...args, integers);
    for (let i = pool.compilesOptimized ? 1 : WARM_UP; i > 0; i--) {
      inFloats();
      inIntegers();
    }
    let best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
    for (let round = 0; round < ROUNDS; round++) {
      best = [Math.min(best[0], time(inFloats)), Math.min(best[1], time(inIntegers))];
    }
    return best[1] < best[0];
  });
}

/** Two kernels with the same answer, and the scratch bytes that both find enough. */
interface Rivals {
  readonly floats: Kernel;
  readonly filtered: Kernel;
  scratch(dim: number, k: number): number;
}

async function nearestKernels(pool: Pool, form: KernelForm): Promise<Rivals> {
  const { nearest, nearestFiltered } = await pool.load(searchKernels, form);
  const scratch = (dim: number) =>
    Math.max(nearestScratch(dim, ROWS), filterScratch(dim, ROWS, form));
  return { floats: nearest, filtered: nearestFiltered, scratch };
}

async function topKKernels(pool: Pool, form: KernelForm): Promise<Rivals> {
  const { nearestTopK, nearestTopKFiltered } = await pool.load(searchKernels, form);
  const scratch = (dim: number, k: number) => topKFilterScratch(dim, ROWS, k, form);
  return { floats: nearestTopK, filtered: nearestTopKFiltered, scratch };
}

function time(call: () => void): number {
  const start = performance.now();
  call();
  return performance.now() - start;
}
