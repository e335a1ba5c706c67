import { checkInteger, checkNumber } from "../errors.ts";
import { hostRandom, permutation } from "./hostRandom.ts";

/** Tells which items make up the batch of any step, without state: training goes on from anywhere. */
export interface Batches {
  /** Item numbers of step `step` (from 0). */
  at(step: number): Uint32Array<ArrayBuffer>;
  /** How many times all items were seen when `step` begins. */
  epochsBefore(step: number): number;
}

/**
 * Shuffled mini-batches: one permutation of the items after another, cut into batches.
 *
 * Every item comes once per epoch. A batch may reach into the next epoch, so all batches are full.
 *
 * @param items item numbers to draw from, at least one.
 * @param batchSize items per batch.
 * @param seed the order depends on it and on nothing else.
 */
export function shuffledBatches(
  items: ArrayLike<number>,
  batchSize: number,
  seed: number,
): Batches {
  checkInteger("shuffledBatches: number of items", items?.length);
  checkInteger("shuffledBatches: batchSize", batchSize);
  let cached = { epoch: -1, order: new Uint32Array(0) };

  function orderOf(epoch: number): Uint32Array {
    if (cached.epoch !== epoch) {
      cached = { epoch, order: permutation(items.length, hostRandom(seed, epoch)) };
    }
    return cached.order;
  }

  return {
    at(step) {
      checkInteger("shuffledBatches: step", step, 0);
      return Uint32Array.from({ length: batchSize }, (_, i) => {
        const position = step * batchSize + i;
        const order = orderOf(Math.floor(position / items.length));
        return items[order[position % items.length] as number] as number;
      });
    },
    epochsBefore: (step) => (step * batchSize) / items.length,
  };
}

/**
 * Divides the items 0 to `count - 1` at random. Both sides stay in random order, so that the first few
 * items stand for all.
 *
 * @param fraction of the items that go to validation, 0 to 1. Above 0, at least one item goes there
 *   if there are two; at least one stays for training.
 */
export function trainValidationSplit(
  count: number,
  fraction: number,
  seed: number,
): { train: Uint32Array; validation: Uint32Array } {
  checkInteger("trainValidationSplit: count", count);
  checkNumber("trainValidationSplit: fraction", fraction, 0, 1);
  const held = fraction === 0 ? 0 : Math.min(count - 1, Math.max(1, Math.round(count * fraction)));
  // A stream of its own, apart from those of the epochs.
  const order = permutation(count, hostRandom(seed, -1));
  return { train: order.subarray(held), validation: order.subarray(0, held) };
}
