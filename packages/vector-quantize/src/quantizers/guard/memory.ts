import { defaultDevice, type numpy as np } from "@jax-js/jax";
import { expected } from "../../errors.ts";

/** Bytes that the memory of a Wasm device holds at most. */
const WASM_BYTES = 2 ** 32;

/**
 * Throws if a call on the Wasm device can't do with its memory.
 *
 * jax-js takes the memory of all intermediate results of a graph before it starts to compute, the
 * parts of a search among them, and what it took it keeps on failing: so this is found out first.
 *
 * @param vectors how many there are
 * @param scores numbers that are made for each of them
 */
export function checkMemory(where: string, x: np.Array, vectors: number, scores: number): void {
  const device = (x as { device?: string }).device ?? defaultDevice();
  const most = Math.floor(WASM_BYTES / (4 * scores));
  if (device !== "wasm" || vectors <= most) return;
  throw expected(
    `${where}: vectors`,
    `at most ${most} in a call, whose scores are 4 GiB`,
    vectors,
    "Split the batch, or find the indices by encode, which makes no scores, and give them to apply",
  );
}

/** The error in place of jax-js's where its memory ran out in a call. */
export function outOfMemory(where: string, error: unknown): unknown {
  if (!(error instanceof RangeError) || !error.message.includes("4 GiB")) return error;
  return expected(
    where,
    "a call that needs less than 4 GiB, the memory of Wasm",
    "one that needs more",
    "Split the batch, and start afresh: jax-js doesn't give back what it took on the way",
  );
}
