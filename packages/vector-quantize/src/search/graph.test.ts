import { jit, numpy as np, random } from "@jax-js/jax";
import { expect, it } from "vitest";
import { nearestInGraph } from "./graph.ts";
import { nearestOnKernels } from "./kernel.ts";

const sizes = [
  [1, 1, 1],
  [7, 3, 5],
  [40, 8, 33],
  [100, 16, 257],
] as const;

it.each(sizes)("searches a codebook in parts as in one: N %d, D %d, K %d", async (N, D, K) => {
  for (const metric of ["euclidean", "cosine"] as const) {
    // Integers: every product and sum is exact, and there are many ties.
    const grid = (seed: number, rows: number) =>
      np.floor(random.uniform(random.key(seed), [rows, D], { minval: -3, maxval: 4 }));
    const [x, codes] = [grid(1, N), grid(2, K)];
    const search = (most: number) =>
      jit((a: np.Array, b: np.Array) => nearestInGraph(a, b, metric, most))(x.ref, codes.ref);
    const whole = [...(await search(2 ** 24).data())];
    for (const parts of [2, 3, 7]) {
      const most = Math.max(1, Math.floor((N * K) / parts));
      expect([...(await search(most).data())], `${metric}, ${parts} parts`).toEqual(whole);
    }
    expect([...(await nearestOnKernels(x, codes, metric))], `${metric}, kernels`).toEqual(whole);
  }
});
