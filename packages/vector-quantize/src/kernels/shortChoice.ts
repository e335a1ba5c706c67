import { nearestBinary } from "./binaries/nearest.wasm.ts";
import { nearestShortBinary } from "./binaries/nearestShort.wasm.ts";
import type { KernelForm } from "./binary.ts";
import { type PackedCodebook, packCodebook } from "./codebook.ts";
import type { Pool } from "./pool.ts";
import {
  createShortCodebook,
  noShortCodebook,
  type ShortCodebook,
  shortScratch,
} from "./shortCodebook.ts";
import { fastestTile, nearestScratch } from "./tileChoice.ts";

/** Rows and codes of the trial. */
const ROWS = 48;
const CODES = 480;
/** Features beyond this do not change which search is the faster. */
const MOST_FEATURES = 128;
/** With fewer features the work beside the products hides the gain. */
const LEAST_FEATURES = 24;
/** Calls after which an engine without `compilesOptimized` has surely optimised the kernel. */
const WARM_UP = 100;
const ROUNDS = 6;

const choices = new WeakMap<Pool, Map<string, boolean>>();

/**
 * Whether the search in 16-bit integers is faster here than that in float32, for vectors of `dim`
 * features: it is where the CPU multiplies and adds pairs in one instruction. Found by a trial of
 * 1 to 2 ms. It can't change an answer, only the time. Call it inside `pool.exclusive`.
 */
async function shortsAreFaster(pool: Pool, form: KernelForm, dim: number): Promise<boolean> {
  if (dim < LEAST_FEATURES) return false;
  const tried = Math.min(MOST_FEATURES, 2 ** Math.ceil(Math.log2(dim)));
  let known = choices.get(pool);
  if (known === undefined) {
    known = new Map();
    choices.set(pool, known);
  }
  const key = `${form} ${tried}`;
  let choice = known.get(key);
  if (choice === undefined) {
    choice = await trial(pool, form, tried);
    known.set(key, choice);
  }
  return choice;
}

/** Room for the integers of `book`, if they are faster. Call it inside `pool.exclusive`. */
export async function shortCodebookIfFaster(
  pool: Pool,
  book: PackedCodebook,
  form: KernelForm,
): Promise<ShortCodebook> {
  const faster = await shortsAreFaster(pool, form, book.dim);
  return faster ? createShortCodebook(pool, book, form) : noShortCodebook;
}

async function trial(pool: Pool, form: KernelForm, dim: number): Promise<boolean> {
  const { memory } = pool;
  const { nearest } = await pool.load(nearestBinary, form);
  const { nearestShort } = await pool.load(nearestShortBinary, form);
  const tile = await fastestTile(pool, form, dim);
  const book = await packCodebook(pool, { dim, size: CODES, metric: "dot", tile, form });
  await book.set(pattern(CODES * dim, 2));
  const short = await createShortCodebook(pool, book, form);
  await short.update();
  const scratch = memory.allocate(Math.max(nearestScratch(dim, ROWS), shortScratch(dim, ROWS)));
  const rows = memory.allocate(4 * ROWS * dim);
  const out = memory.allocate(8 * ROWS);
  memory.f32(rows, ROWS * dim).set(pattern(ROWS * dim, 1));

  const args = [book.header, rows, out, out + 4 * ROWS, ROWS];
  const inFloats = () => nearest.call(0, ROWS, scratch, ...args);
  const inShorts = () => nearestShort.call(0, ROWS, scratch, ...args, short.address);
  for (let i = pool.compilesOptimized ? 1 : WARM_UP; i > 0; i--) {
    inFloats();
    inShorts();
  }
  let best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
  for (let round = 0; round < ROUNDS; round++) {
    best = [Math.min(best[0], time(inFloats)), Math.min(best[1], time(inShorts))];
  }
  book.free();
  short.free();
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
