import { expect } from "vitest";
import type { HostTensor } from "../../packages/vector-quantize/src/checkpoint/dtypes.ts";
import { type Tensors, tensor } from "./cases.ts";

/** Where each of our codes stands among the recorded ones, for each book. */
export type Order = readonly (readonly number[])[];

/**
 * The order of the codes, read from the indices that both gave the same vectors. Expects one order
 * to explain them all.
 */
export function orderOfCodes(
  ours: HostTensor,
  recorded: HostTensor,
  K: number,
  books: number,
): Order {
  const order = Array.from({ length: books }, () => new Array<number>(K).fill(-1));
  for (const [n, index] of ours.data.entries()) {
    const book = order[n % books] as number[];
    if (index >= 0 && book[index] === -1) book[index] = recorded.data[n] ?? -1;
  }
  for (const book of order) {
    expect([...book].sort(), "each of our codes is one of the recorded").toEqual([...book.keys()]);
  }
  return order;
}

/** Our indices as the recorded codes are numbered. */
export function reorderIndices(ours: HostTensor, order: Order): HostTensor {
  const data = Int32Array.from(ours.data, (index, n) =>
    index < 0 ? index : (order[n % order.length]?.[index] ?? -1),
  );
  return { ...ours, data };
}

/** Our state with what is `[books, K, ...]` in the recorded order. */
export function reorderState(ours: Tensors, order: Order): Tensors {
  const K = order[0]?.length ?? 0;
  const moved = Object.keys(ours).map((name) => {
    const { data, ...rest } = tensor(ours, name);
    if (rest.shape[0] !== order.length || rest.shape[1] !== K) return [name, tensor(ours, name)];
    const width = data.length / order.length / K;
    const sorted = new Float32Array(data.length);
    for (const [book, places] of order.entries()) {
      for (const [from, to] of places.entries()) {
        const at = (code: number) => (book * K + code) * width;
        sorted.set(data.subarray(at(from), at(from + 1)), at(to));
      }
    }
    return [name, { ...rest, data: sorted }];
  });
  return Object.fromEntries(moved);
}
