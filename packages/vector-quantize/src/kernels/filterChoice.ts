import { nearestBinary } from "./binaries/nearest.wasm.ts";
import { nearestFilteredBinary } from "./binaries/nearestFiltered.wasm.ts";
import type { KernelForm } from "./binary.ts";
import { type PackedCodebook, packCodebook } from "./codebook.ts";
import { createFilter, type FilterCodebook, filterScratch, noFilter } from "./filterCodebook.ts";
import type { Pool } from "./pool.ts";
import { fastestTile, nearestScratch } from "./tileChoice.ts";

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
 * Whether the search behind the filter is faster here than that in float32 alone. Found by a trial of
 * 1 to 2 ms. It can't change an answer, only the time. Call it inside `pool.exclusive`.
 */
async function filterIsFaster(
  pool: Pool,
  form: KernelForm,
  { dim, size }: PackedCodebook,
): Promise<boolean> {
  if (size < LEAST_CODES || dim > MOST_FILTERED_FEATURES) return false;
  const features = Math.min(MOST_FEATURES, 2 ** Math.ceil(Math.log2(dim)));
  const codes = Math.min(MOST_NUMBERS / features, 2 ** Math.floor(Math.log2(size)));
  let known = choices.get(pool);
  if (known === undefined) {
    known = new Map();
    choices.set(pool, known);
  }
  const key = `${form} ${features} ${codes}`;
  let choice = known.get(key);
  if (choice === undefined) {
    choice = await trial(pool, form, features, codes);
    known.set(key, choice);
  }
  return choice;
}

/** Room for the integers of `book`, if they are faster. Call it inside `pool.exclusive`. */
export async function filterIfFaster(
  pool: Pool,
  book: PackedCodebook,
  form: KernelForm,
): Promise<FilterCodebook> {
  const faster = await filterIsFaster(pool, form, book);
  return faster ? createFilter(pool, book, form) : noFilter;
}

async function trial(pool: Pool, form: KernelForm, dim: number, size: number): Promise<boolean> {
  const { memory } = pool;
  const { nearest } = await pool.load(nearestBinary, form);
  const { nearestFiltered } = await pool.load(nearestFilteredBinary, form);
  const tile = await fastestTile(pool, form, dim);
  const book = await packCodebook(pool, { dim, size, metric: "euclidean", tile, form });
  await book.set(pattern(size * dim, 2));
  const filter = await createFilter(pool, book, form);
  await filter.update();
  const scratch = memory.allocate(
    Math.max(nearestScratch(dim, ROWS), filterScratch(dim, ROWS, form)),
  );
  const rows = memory.allocate(4 * ROWS * dim);
  const out = memory.allocate(8 * ROWS);
  memory.f32(rows, ROWS * dim).set(pattern(ROWS * dim, 1));

  const args = [book.header, rows, out, out + 4 * ROWS, ROWS];
  const inFloats = () => nearest.call(0, ROWS, scratch, ...args);
  const inIntegers = () => nearestFiltered.call(0, ROWS, scratch, ...args, filter.start());
  for (let i = pool.compilesOptimized ? 1 : WARM_UP; i > 0; i--) {
    inFloats();
    inIntegers();
  }
  let best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
  for (let round = 0; round < ROUNDS; round++) {
    best = [Math.min(best[0], time(inFloats)), Math.min(best[1], time(inIntegers))];
  }
  book.free();
  filter.free();
  for (const region of [scratch, rows, out]) memory.free(region);
  return best[1] < best[0];
}

function time(call: () => void): number {
  const start = performance.now();
  call();
  return performance.now() - start;
}

/** Values between -1 and 1 without order. */
function pattern(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * (i + seed)));
}
