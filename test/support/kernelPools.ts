import { vi } from "vitest";
import { type KernelForm, supports } from "../../packages/vector-quantize/src/kernels/binary.ts";
import { createPool, type Pool } from "../../packages/vector-quantize/src/kernels/pool.ts";

/** A pool for each form that this engine runs, one with workers and one without. */
export function testPools(): { name: string; pool: Pool }[] {
  const forms: KernelForm[] = supports("relaxed") ? ["relaxed", "plain"] : ["plain"];
  return forms.flatMap((form) =>
    [1, 3].map((threads) => {
      const pool = createPool({ threads });
      Object.defineProperty(pool, "form", { value: form });
      return { name: `${form}, ${threads} threads`, pool };
    }),
  );
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
