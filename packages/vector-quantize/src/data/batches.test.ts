import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { shuffledBatches, trainValidationSplit } from "./batches.ts";

describe("shuffledBatches", () => {
  test("every item comes once per epoch, whatever the batch size", () => {
    const sizes = fc.record({
      count: fc.integer({ min: 1, max: 20 }),
      size: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(sizes, fc.nat(), ({ count, size }, seed) => {
        const items = Array.from({ length: count }, (_, i) => 100 + i);
        const batches = shuffledBatches(items, size, seed);
        const drawn = Array.from({ length: 2 * count }, (_, step) => [...batches.at(step)]).flat();
        for (let epoch = 0; epoch < 2 * size; epoch++) {
          const seen = drawn.slice(epoch * count, (epoch + 1) * count);
          expect(seen.sort((a, b) => a - b)).toEqual(items);
        }
      }),
    );
  });

  test("a step's batch depends on seed and step alone", () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    const forwards = shuffledBatches(items, 16, 7);
    const inOrder = Array.from({ length: 10 }, (_, step) => forwards.at(step));
    const resumed = shuffledBatches(items, 16, 7);
    expect([9, 3, 4].map((step) => resumed.at(step))).toEqual([inOrder[9], inOrder[3], inOrder[4]]);
    expect(shuffledBatches(items, 16, 8).at(0)).not.toEqual(inOrder[0]);
  });

  test("epochs differ and are counted", () => {
    const batches = shuffledBatches([1, 2, 3, 4, 5, 6, 7, 8], 8, 0);
    expect(batches.at(0)).not.toEqual(batches.at(1));
    expect(shuffledBatches([1, 2, 3, 4], 2, 0).epochsBefore(3)).toBe(1.5);
  });

  test("no items is an error", () => {
    expect(() => shuffledBatches(null as never, 4, 0)).toThrow("number of items: expected");
    const { at } = shuffledBatches([1, 2], 1, 0);
    expect(() => at(-1)).toThrow(
      "shuffledBatches: step: expected an integer of at least 0, got -1",
    );
    expect(() => at(0.5)).toThrow("got 0.5");
    expect(() => shuffledBatches([], 4, 0)).toThrow(
      "number of items: expected an integer of at least 1",
    );
  });
});

describe("trainValidationSplit", () => {
  test("each item goes to one side", () => {
    const { train, validation } = trainValidationSplit(100, 0.1, 3);
    expect(validation.length).toBe(10);
    expect([...train, ...validation].sort((a, b) => a - b)).toEqual([...Array(100).keys()]);
    expect(trainValidationSplit(100, 0.1, 3).validation).toEqual(validation);
    expect(trainValidationSplit(100, 0.1, 4).validation).not.toEqual(validation);
  });

  test.each([
    [1, 0.5, 0],
    [2, 0.01, 1],
    [2, 1, 1],
    [10, 0, 0],
  ])("of %i items with fraction %d, %i are held back", (count, fraction, held) => {
    expect(trainValidationSplit(count, fraction, 0).validation.length).toBe(held);
  });
});
