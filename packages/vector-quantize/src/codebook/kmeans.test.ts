import { numpy as np, random } from "@jax-js/jax";
import { describe, expect, it, vi } from "vitest";
import { rowsOf } from "../../../../test/support/arrays.ts";
import { normalise } from "../search/graph.ts";
import { type Clusters, clusters, clustersInGraph } from "./kmeans.ts";

const centres = [
  [0, 0, 8],
  [8, 0, 0],
  [0, 8, 0],
  [-8, -8, -8],
];

/** 200 vectors in four tight heaps, every fifth one far away and not usable. */
const heaps = async () => {
  const spread = (await random.normal(random.key(0), [200, 3]).mul(0.05).data()) as Float32Array;
  const vectors = Float32Array.from(spread, (value, at) => {
    const n = Math.floor(at / 3);
    const heap = centres[n % 4] as number[];
    return n % 5 === 0 ? 1000 + n : value + (heap[at % 3] as number);
  });
  const usable = Array.from({ length: 200 }, (_, n) => (n % 5 === 0 ? 0 : 1));
  return { vectors: np.array(vectors, { shape: [200, 3] }), usable: np.array(usable).greater(0) };
};

/** The means in the order of the heaps, and their counts. */
const sorted = async ({ means, counts }: Clusters) => {
  const codes = [...((await means.data()) as Float32Array)];
  const sizes = [...((await counts.data()) as Float32Array)];
  return centres.map((centre) => {
    const k = [0, 1, 2, 3].find((at) =>
      centre.every((v, d) => Math.abs((codes[3 * at + d] as number) - v) < 1),
    );
    return k === undefined ? undefined : { code: codes.slice(3 * k, 3 * k + 3), size: sizes[k] };
  });
};

/** The same with vectors of length 1, wide enough that a mean of them is clearly shorter. */
const directions = async () => {
  const { vectors, usable } = await heaps();
  const wide = vectors.add(random.normal(random.key(1), [200, 3]));
  return { vectors: normalise(wide), usable };
};

describe("k-means", () => {
  it("gives the same clusters by the kernels as in the graph", async () => {
    const options = { K: 4, iterations: 10, metric: "euclidean", warn: () => {} } as const;
    // A start with two codes in one heap can end elsewhere: take one that has a code in each.
    for (let seed = 0; ; seed++) {
      expect(seed).toBeLessThan(50);
      const [a, b] = [await heaps(), await heaps()];
      const key = () => random.key(seed);
      const graph = await sorted(
        await clustersInGraph(a.vectors, a.usable, { ...options, key: key() }),
      );
      const kernel = await sorted(await clusters(b.vectors, b.usable, { ...options, key: key() }));
      if (graph.includes(undefined) || kernel.includes(undefined)) continue;
      expect(graph.map((cluster) => cluster?.size)).toEqual([40, 40, 40, 40]);
      for (const [at, cluster] of graph.entries()) {
        expect(kernel[at]?.size).toBe(cluster?.size);
        cluster?.code.forEach((value, d) => {
          expect(kernel[at]?.code[d]).toBeCloseTo(value, 5);
        });
      }
      return;
    }
  });

  it("keeps codes at length 1 with cosine, in the graph as by the kernels", async () => {
    const options = { K: 4, iterations: 10, metric: "cosine", warn: () => {} } as const;
    const found: number[][][] = [];
    for (const cluster of [clustersInGraph, clusters]) {
      // A start with two codes in one heap can end elsewhere: take one that has a code in each.
      for (let seed = 0; ; seed++) {
        expect(seed).toBeLessThan(50);
        const { vectors, usable } = await directions();
        const key = random.key(seed);
        const { means, counts } = await cluster(vectors, usable, { ...options, key });
        const sizes = [...((await counts.data()) as Float32Array)];
        const codes = rowsOf([...((await means.data()) as Float32Array)], 3);
        if (sizes.some((size) => size !== 40)) continue;
        found.push(codes.sort((a, b) => (a[0] as number) - (b[0] as number)));
        break;
      }
    }
    const [graph = [], kernel = []] = found;
    for (const code of graph) expect(Math.hypot(...code)).toBeCloseTo(1, 6);
    expect(graph.flat().map((value, at) => value - (kernel.flat()[at] as number))).toEqual(
      graph.flat().map(() => expect.closeTo(0, 5)),
    );
  });

  it("warns of a sample with few vectors per code", async () => {
    const warn = vi.fn();
    const { vectors, usable } = await heaps();
    const options = { K: 40, iterations: 1, metric: "euclidean", key: random.key(0) } as const;
    await clusters(vectors, usable, { ...options, warn });
    expect(warn).toHaveBeenCalledWith(
      "fit: 160 vectors for 40 codes; 1560 or more give better codes",
    );
  });
});
