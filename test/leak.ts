import { type numpy as np, tree } from "@jax-js/jax";
import { expect } from "vitest";
import { jaxMemoryBytes } from "./support/captureMemory.ts";

export interface LeakOptions {
  /** Steps before the measurement, in which caches fill. Default 20. */
  warmUp?: number;
  /** Measured steps. Default 1000. */
  steps?: number;
}

/**
 * Bytes by which jax-js's memory grows while `step` runs again and again; 0 if nothing leaks.
 *
 * Memory grows by 64 KiB pages and the smallest array takes 64 bytes, so 2000 steps find a single
 * forgotten scalar a step, and 100 steps a forgotten array of 1 KB. `step` must await what it
 * computes (`blockUntilReady` or `data`), or unfinished work looks like a leak.
 *
 * ```ts
 * expect(await leakedBytes(async () => { state = await trainStep(state); })).toBe(0);
 * ```
 */
export async function leakedBytes(
  step: (index: number) => Promise<void>,
  { warmUp = 20, steps = 1000 }: LeakOptions = {},
): Promise<number> {
  for (let i = 0; i < warmUp; i++) await step(i);
  const before = jaxMemoryBytes();
  for (let i = 0; i < steps; i++) await step(warmUp + i);
  return jaxMemoryBytes() - before;
}

/** Asserts that every array of `x` (an array or a tree of arrays) has been disposed. */
export function expectDisposed(x: unknown): void {
  const counts = tree.leaves(x as np.Array).map((leaf) => leaf.refCount);
  expect(counts, "references that are left").toEqual(counts.map(() => 0));
}
