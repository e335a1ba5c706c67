import { defaultPool } from "../kernels/engine/createPool.ts";
import { supports } from "../kernels/engine/kernelModule.ts";
import type { Pool } from "../kernels/engine/pool.ts";

/** A search whose codes can be exchanged for others of their shape. */
interface Exchangeable {
  dispose(): void;
}

/** How to make a search, or give one that was made for the same `shape` other codes. */
export interface SearchRecipe<S extends Exchangeable> {
  /** Names everything that searches must have in common. */
  readonly shape: string;
  /** Numbers that its codes hold in all. */
  readonly numbers: number;
  make(): Promise<S>;
  exchange(search: S): Promise<void>;
}

/** Searches, and numbers of their codes, that wait for their next use. */
const MOST_IDLE = 4;
const MOST_NUMBERS = 2 ** 22;

interface Idle {
  readonly search: Exchangeable;
  readonly numbers: number;
}

/** By shape, the longest idle first. They live as long as their pool. */
const idleOf = new WeakMap<Pool, Map<string, Idle>>();

/**
 * What `use` makes of a search, which is kept for the next codes of its shape: those are often the
 * same, or a training step away, so that its memory and what it has prepared serve again.
 */
export async function withSearch<S extends Exchangeable, T>(
  { shape, numbers, make, exchange }: SearchRecipe<S>,
  use: (search: S) => Promise<T>,
): Promise<T> {
  const idle = supports("plain") ? idleIn(defaultPool()) : undefined;
  const waiting = idle?.get(shape)?.search as S | undefined;
  idle?.delete(shape); // in use it is nobody else's
  const search = waiting ?? (await make());
  let result: T;
  try {
    if (waiting !== undefined) await exchange(search);
    result = await use(search);
  } catch (error) {
    search.dispose();
    throw error;
  }
  if (idle === undefined) search.dispose();
  else store(idle, shape, { search, numbers });
  return result;
}

function idleIn(pool: Pool): Map<string, Idle> {
  let idle = idleOf.get(pool);
  if (idle === undefined) {
    idle = new Map();
    idleOf.set(pool, idle);
  }
  return idle;
}

/** Puts a search last, and lets the first ones go if there are too many. */
function store(idle: Map<string, Idle>, shape: string, latest: Idle): void {
  idle.get(shape)?.search.dispose(); // another call's, of the same shape
  idle.delete(shape);
  idle.set(shape, latest);
  let total = 0;
  for (const { numbers } of idle.values()) total += numbers;
  for (const [key, { search, numbers }] of idle) {
    if (idle.size <= MOST_IDLE && total <= MOST_NUMBERS) return;
    search.dispose();
    idle.delete(key);
    total -= numbers;
  }
}
