import { jit, numpy as np } from "@jax-js/jax";
import { expect, test } from "vitest";
import { expectDisposed, leakedBytes } from "./leak.ts";

const sumOfSquares = jit((x: np.Array) => np.sum(x.ref.mul(x)));

test("finds one forgotten scalar a step", async () => {
  const forgotten: np.Array[] = [];
  const grown = await leakedBytes(
    async (i) => {
      const x = np.array(new Float32Array([i, i + 1]));
      forgotten.push(await sumOfSquares(x).blockUntilReady());
    },
    { steps: 2000 },
  );
  expect(grown).toBeGreaterThan(0);
  expect(grown).toBeLessThan(1e6);
});

test("passes a loop that frees what it makes", async () => {
  const grown = await leakedBytes(async (i) => {
    const x = np.array(new Float32Array(4096).fill(i, 1));
    await sumOfSquares(x).data();
  });
  expect(grown).toBe(0);
});

test("expectDisposed tells a live array from a disposed one", () => {
  const x = np.ones([2]);
  const y = np.zeros([3]);
  expect(() => expectDisposed([x, { y }])).toThrow("references that are left");
  x.dispose();
  expect(() => expectDisposed([x, { y }])).toThrow("references that are left");
  y.dispose();
  expectDisposed([x, { y }]);
});
