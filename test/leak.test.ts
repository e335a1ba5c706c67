import { jit, numpy as np } from "@jax-js/jax";
import { expect, test } from "vitest";
import { expectDisposed, leakedBytes } from "./leak.ts";

const sumOfSquares = jit((x: np.Array) => np.sum(x.ref.mul(x)));

test("finds one forgotten scalar, to the byte", async () => {
  const forgotten: np.Array[] = [];
  const grown = await leakedBytes(async (i) => {
    const x = np.array(new Float32Array([i, i + 1]));
    const sum = await sumOfSquares(x).blockUntilReady();
    if (i === 3) forgotten.push(sum);
    else sum.dispose();
  });
  expect(grown).toBe(4);
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
