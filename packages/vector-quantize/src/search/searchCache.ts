import type { Pool } from "../kernels/engine/pool.ts";
import { lazy } from "../lazy.ts";
import { kernelsAreFast } from "../paths.ts";

const poolModule = lazy(() => import("../kernels/engine/createPool.ts"));

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

/** Searches, and numbers of their codes, that are kept. */
const MOST_SEARCHES = 4;
const MOST_NUMBERS = 2 ** 22;

interface Cached {
  readonly search: Exchangeable;
  readonly numbers: number;
}

/** By shape, the least recently used first. They live as long as their pool. */
const caches = new WeakMap<Pool, Map<string, Cached>>();

/**
 * What `use` makes of a search, which is kept for the next codes of its shape: those are often the
 * same, or a training step away, so that its memory and what it has prepared serve again.
 */
export async function withCachedSearch<S extends Exchangeable, T>(
  { shape, numbers, make, exchange }: SearchRecipe<S>,
  use: (search: S) => Promise<T>,
): Promise<T> {
  const { defaultPool } = await poolModule();
  const cache = kernelsAreFast() ? cacheOf(defaultPool()) : undefined;
  const kept = cache?.get(shape)?.search as S | undefined;
  cache?.delete(shape); // in use it is nobody else's
  const search = kept ?? (await make());
  let result: T;
  try {
    if (kept !== undefined) await exchange(search);
    result = await use(search);
  } catch (error) {
    search.dispose();
    throw error;
  }
  if (cache === undefined) search.dispose();
  else store(cache, shape, { search, numbers });
  return result;
}

function cacheOf(pool: Pool): Map<string, Cached> {
  let cache = caches.get(pool);
  if (cache === undefined) {
    cache = new Map();
    caches.set(pool, cache);
  }
  return cache;
}

/** Puts a search last, and lets the first ones go if there are too many. */
function store(cache: Map<string, Cached>, shape: string, latest: Cached): void {
  cache.get(shape)?.search.dispose(); // another call's, of the same shape
  cache.delete(shape);
  cache.set(shape, latest);
  let total = 0;
  for (const { numbers } of cache.values()) total += numbers;
  for (const [key, { search, numbers }] of cache) {
    if (cache.size <= MOST_SEARCHES && total <= MOST_NUMBERS) return;
    search.dispose();
    cache.delete(key);
    total -= numbers;
  }
}
