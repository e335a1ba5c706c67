import type { Scope } from "../engine/memory.ts";
import type { Job, Pool } from "../engine/pool.ts";

/** Vectors that lie in a pool's memory, or are brought there while a kernel is at work on the first. */
export interface MemoryRows {
  readonly rows: number;
  /** Address of the vectors, float32 `[N, D]`. */
  readonly at: number;
  readonly fill?: Job["fill"];
}

/** Codes in a pool's memory, and the search for vectors there: nothing is copied in or out. */
export interface MemorySearch {
  readonly pool: Pool;
  readonly dim: number;
  /** Codes of each layer as they were given, float32 `[K, D]` at an address. */
  readonly books: readonly { readonly codes: number; readonly size: number }[];
  /**
   * Writes the indices of all layers, int32 `[N, Q]`, to the address `to`; -1 for a vector that is not
   * valid. Call it inside `exclusive`, with its scope.
   */
  find(vectors: MemoryRows, to: number, scope: Scope): Promise<void>;
}

/** What a search on the kernels is inside the memory of its pool; only without SIMD is there none. */
export function inMemory(search: object): MemorySearch {
  if (!("find" in search)) throw new Error("kernels: expected a search in memory, got a reference");
  return search as MemorySearch;
}
