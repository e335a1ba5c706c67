import { expect } from "vitest";
import type { HostTensor } from "../../packages/vector-quantize/src/checkpoint/dtypes.ts";
import { type Tensors, tensor } from "./cases.ts";

/**
 * Where each of our codes stands among the recorded ones, read from the indices that both gave the
 * same vectors. Expects one order to explain them all.
 */
export function orderOfCodes(ours: HostTensor, recorded: HostTensor, K: number): number[] {
  const order = new Array<number>(K).fill(-1);
  for (const [n, index] of ours.data.entries()) {
    if (index >= 0 && order[index] === -1) order[index] = recorded.data[n] ?? -1;
  }
  expect([...order].sort(), "each of our codes is one of the recorded").toEqual([...order.keys()]);
  return order;
}

/** Our indices as the recorded codes are numbered. */
export function reorderIndices(ours: HostTensor, order: readonly number[]): HostTensor {
  const data = Int32Array.from(ours.data, (index) => (index < 0 ? index : (order[index] ?? -1)));
  return { ...ours, data };
}

/** Our state `[1, K, ...]` with its codes in the recorded order. */
export function reorderState(ours: Tensors, order: readonly number[]): Tensors {
  const moved = Object.keys(ours).map((name) => {
    const { data, ...rest } = tensor(ours, name);
    const width = data.length / order.length;
    const sorted = new Float32Array(data.length);
    for (const [from, to] of order.entries()) {
      sorted.set(data.subarray(from * width, (from + 1) * width), to * width);
    }
    return [name, { ...rest, data: sorted }];
  });
  return Object.fromEntries(moved);
}
