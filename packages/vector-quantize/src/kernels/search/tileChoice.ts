import { searchKernels } from "../engine/binaries/search.ts";
import type { KernelForm } from "../engine/kernelModule.ts";
import type { Pool } from "../engine/pool.ts";
import { packCodebook } from "./packedCodebook.ts";
import { type TileShape, tileShapes } from "./tileShape.ts";

/** Rows and codes of the trial: multiples of every shape's. */
const ROWS = 48;
const CODES = 96;
/** Features beyond this do not change which shape is the fastest. */
const MOST_FEATURES = 128;
/** Calls after which an engine without `compilesOptimized` has surely optimised the kernel. */
const WARM_UP = 150;
const ROUNDS = 8;

const choices = new WeakMap<Pool, Map<string, TileShape>>();

/**
 * The tile shape that is fastest here for vectors of `dim` features, found by a trial of 1 to 2 ms;
 * in a browser the trial also warms the kernel up, which takes about 20 ms, once. It can't change
 * an answer, only the time. Call it inside `pool.exclusive`.
 */
export async function fastestTile(pool: Pool, form: KernelForm, dim: number): Promise<TileShape> {
  const tried = Math.min(MOST_FEATURES, 2 ** Math.ceil(Math.log2(dim)));
  let known = choices.get(pool);
  if (known === undefined) {
    known = new Map();
    choices.set(pool, known);
  }
  const key = `${form} ${tried}`;
  let choice = known.get(key);
  if (choice === undefined) {
    choice = await trial(pool, form, tried, known.size === 0);
    known.set(key, choice);
  }
  return choice;
}

function trial(pool: Pool, form: KernelForm, dim: number, isFirst: boolean): Promise<TileShape> {
  return pool.memory.lend(async (scope) => {
    const { nearest } = await pool.load(searchKernels, form);
    const scratch = scope.allocate(nearestScratch(dim, ROWS));
    const rows = scope.copyOf(pattern(ROWS * dim, 1));
    const out = scope.allocate(8 * ROWS);
    const codes = pattern(CODES * dim, 2);
    const runs: { tile: TileShape; call: () => void; best: number }[] = [];
    for (const tile of tileShapes) {
      const shape = { dim, size: CODES, metric: "dot", tile, form } as const;
      const { header, set } = scope.adopt(await packCodebook(pool, shape));
      await set(codes);
      const call = () => nearest.call(0, ROWS, scratch, header, rows, out, out + 4 * ROWS, ROWS);
      runs.push({ tile, call, best: Number.POSITIVE_INFINITY });
    }
    for (let i = isFirst && !pool.compilesOptimized ? WARM_UP : 2; i > 0; i--) {
      for (const run of runs) run.call();
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const run of runs) {
        const start = performance.now();
        run.call();
        run.best = Math.min(run.best, performance.now() - start);
      }
    }
    return runs.reduce((a, b) => (b.best < a.best ? b : a)).tile;
  });
}

/** Values between -1 and 1 without order, for trials. */
export function pattern(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * (i + seed)));
}

/** Scratch bytes of `nearest` for blocks of `blockRows`. */
export function nearestScratch(dim: number, blockRows: number): number {
  return blockRows * (4 * dim + 52);
}

/** Scratch bytes of `nearestTopK` for k codes of each row, in blocks of `blockRows`. */
export function topKScratch(dim: number, blockRows: number, k: number): number {
  const half = 16 * Math.floor((k + 4) / 4);
  return 96 + 3 * half + blockRows * (4 * dim + 3140 + 2 * half);
}
