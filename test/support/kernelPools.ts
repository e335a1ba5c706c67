import { afterEach, expect, vi } from "vitest";
import { createPool } from "../../packages/vector-quantize/src/kernels/engine/createPool.ts";
import {
  type KernelForm,
  supports,
} from "../../packages/vector-quantize/src/kernels/engine/kernelModule.ts";
import type { Pool } from "../../packages/vector-quantize/src/kernels/engine/pool.ts";

/**
 * A pool for each form that this engine runs, one with workers and one without. A test fails if a
 * kernel writes past the end of a region that is freed in it.
 */
export function testPools(): { name: string; pool: Pool }[] {
  const forms: KernelForm[] = supports("relaxed") ? ["relaxed", "plain"] : ["plain"];
  const overruns: string[] = [];
  const pools = forms.flatMap((form) =>
    [1, 3].map((threads) => {
      const pool = createPool({ threads });
      Object.defineProperty(pool, "form", { value: form });
      watchRegions(pool, overruns);
      return { name: `${form}, ${threads} threads`, pool };
    }),
  );
  afterEach(async () => {
    for (const { pool } of pools) await pool.exclusive(() => {}); // what is disposed of is freed
    expect(overruns.splice(0)).toEqual([]);
  });
  return pools;
}

const CANARY = 0x5a;
const CANARIES = 1024;

/** Puts canaries behind every region of a pool's memory and looks after them when it is freed. */
function watchRegions({ memory }: Pool, overruns: string[]): void {
  const ends = new Map<number, number>();
  const allocate = memory.allocate.bind(memory);
  const free = memory.free.bind(memory);
  const canaries = (end: number) => new Uint8Array(memory.memory.buffer, end, CANARIES);
  memory.allocate = (bytes) => {
    const start = allocate(bytes + CANARIES);
    ends.set(start, start + bytes);
    canaries(start + bytes).fill(CANARY);
    return start;
  };
  memory.free = (start) => {
    const end = ends.get(start);
    if (end !== undefined) {
      const dead = canaries(end).findIndex((byte) => byte !== CANARY);
      if (dead >= 0) overruns.push(`a kernel wrote past the end of a region, from byte ${dead} on`);
    }
    free(start);
  };
}

/** Integers from a seed, uniform in `low` ... `high`. */
export function integers(seed: number, low: number, high: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return low + (((t ^ (t >>> 14)) >>> 0) % (high - low + 1));
  };
}

/** Runs `task` as in an engine without WebAssembly's SIMD. */
export async function withoutKernels<T>(task: () => Promise<T>): Promise<T> {
  const validate = vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
  try {
    return await task();
  } finally {
    validate.mockRestore();
  }
}

/** Whether two arrays hold the same numbers; `toEqual` takes seconds on large ones. */
export function sameNumbers(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}
