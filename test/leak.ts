import { numpy as np, tree } from "@jax-js/jax";
import { expect } from "vitest";
import { jaxBytes } from "./support/jaxBuffers.ts";

export interface LeakOptions {
  /** Steps before the measurement, in which caches fill. Default 2. */
  warmUp?: number;
  /** Measured steps. Default 2. */
  steps?: number;
}

/**
 * Bytes by which jax-js's buffers grow while `step` runs again and again; 0 if nothing leaks. They are counted
 * one by one (`jaxBuffers.ts`): a single forgotten scalar is found.
 *
 * ```ts
 * expect(await leakedBytes(async () => { state = await trainStep(state); })).toBe(0);
 * ```
 */
export async function leakedBytes(
  step: (index: number) => Promise<void>,
  { warmUp = 2, steps = 2 }: LeakOptions = {},
): Promise<number> {
  for (let i = 0; i < warmUp; i++) await step(i);
  const before = await bytesAtRest();
  for (let i = 0; i < steps; i++) await step(warmUp + i);
  return (await bytesAtRest()) - before;
}

/** Once all that was asked for is computed: a call that failed may have left some of it under way. */
async function bytesAtRest(): Promise<number> {
  await np.ones([4096]).add(1).data(); // large enough for jax-js's threads, behind all that waits for them
  return jaxBytes();
}

/** Asserts that every array of `x` (an array or a tree of arrays) has been disposed. */
export function expectDisposed(x: unknown): void {
  const counts = tree.leaves(x as np.Array).map((leaf) => leaf.refCount);
  expect(counts, "references that are left").toEqual(counts.map(() => 0));
}
