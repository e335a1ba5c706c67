import { jit } from "@jax-js/jax";
import { expect, it } from "vitest";
import { floats, numbers } from "../../../../test/support/arrays.ts";
import { firstLargest } from "./firstLargest.ts";

it.each([false, true])("is the place of the largest entry, under jit: %o", async (traced) => {
  const rows = [
    [1, 3, 2],
    [5, 5, 4],
    [-1, -2, -1],
    [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 0],
  ];
  const find = traced ? jit(firstLargest) : firstLargest;
  expect(await numbers(find(floats(rows)))).toEqual([1, 0, 0, 2]);
});

it("stays within a row that has NaN", async () => {
  const [found] = await numbers(firstLargest(floats([[1, Number.NaN, 2]])));
  expect(found).toBeGreaterThanOrEqual(0);
  expect(found).toBeLessThan(3);
});
