import fc from "fast-check";
import { afterAll, describe, expect, it, test } from "vitest";
import {
  expectNearest,
  type FilteredVariant,
  searchedInStages,
} from "../../../../../../test/support/filteredSearch.ts";
import { testPools } from "../../../../../../test/support/kernelPools.ts";
import {
  generator,
  searches,
  searchSizes,
  vectorKinds,
} from "../../../../../../test/support/vectorKinds.ts";
import { type KernelForm, supports } from "../../engine/kernelModule.ts";
import { createSearch } from "../createSearch.ts";
import type { KernelMetric } from "../packedCodebook.ts";
import { tile4x8, tileShapes } from "../tileShape.ts";

const pools = testPools();
const pool = pools[0]!.pool; // of one thread
afterAll(() => {
  for (const each of pools) each.pool.dispose();
});

const forms: KernelForm[] = supports("relaxed") ? ["relaxed", "plain"] : ["plain"];
const metrics: KernelMetric[] = ["euclidean", "cosine", "dot"];

const run = (
  vectors: Float32Array,
  codebook: Float32Array,
  dim: number,
  variant: FilteredVariant,
) => searchedInStages(pool, vectors, codebook, dim, variant);

describe.each(forms)("top-k behind the filter (%s)", (form) => {
  it("goes through windows of codes and answers most rows", async () => {
    for (const metric of metrics) {
      for (const [dim, size, k] of [
        [64, 3000, 10],
        [33, 2049, 32],
        [256, 1024, 1],
        [16, 5000, 5],
      ] as const) {
        const vectors = generator(vectorKinds.gaussian!, dim, dim);
        const codebook = vectors(size);
        codebook.copyWithin(7 * dim, 3 * dim, 4 * dim); // one code twice
        codebook.copyWithin((size - 1) * dim, 3 * dim, 4 * dim);
        const rows = vectors(200);
        rows.set(codebook.subarray(7 * dim, 8 * dim), 5 * dim);
        const variant = { k, metric, form, tile: tile4x8 };
        const { filtered, floats, gaveUp, found } = await run(rows, codebook, dim, variant);
        expect(filtered, `${metric} ${dim}`).toEqual(floats);
        expect(found, `${metric} ${dim}`).toEqual(floats);
        expect(gaveUp).toBe(false);
      }
    }
  });

  it("lets codes wait that come nearer from window to window", async () => {
    const [dim, size, k] = [64, 9000, 10];
    const vectors = generator(vectorKinds.gaussian!, 5, dim);
    const codebook = vectors(size).map((value, i) => value * (3 - (2 * i) / (dim * size)));
    const rows = vectors(100).map((value) => 0.05 * value);
    for (const metric of ["euclidean", "dot"] as const) {
      const variant = { k, metric, form, tile: tile4x8 };
      const { filtered, floats, gaveUp, found } = await run(rows, codebook, dim, variant);
      expect(filtered, metric).toEqual(floats);
      expect(found, metric).toEqual(floats);
      expect(gaveUp).toBe(false);
    }
  });

  it("gives a group up between windows where too many codes are near", async () => {
    const dim = 24;
    const vectors = generator(vectorKinds.gaussian!, 4, dim);
    const codebook = vectors(4000);
    codebook.fill(1e4, 0, dim); // beside it the integers of all others are alike
    const variant = { k: 12, metric: "euclidean", form, tile: tile4x8 } as const;
    const { filtered, floats, gaveUp } = await run(vectors(100), codebook, dim, variant);
    expect(filtered).toEqual(floats);
    expect(gaveUp).toBe(true);
  });

  it("marks rows that are not finite and leaves those out of range to floats", async () => {
    const dim = 40;
    const vectors = generator(vectorKinds.gaussian!, 3, dim);
    const codebook = vectors(300);
    const rows = vectors(60);
    rows.fill(0, 0, dim);
    rows[dim] = Number.NaN;
    rows[2 * dim + 3] = Number.POSITIVE_INFINITY;
    rows.fill(3e38, 3 * dim, 4 * dim);
    for (const metric of metrics) {
      const variant = { k: 4, metric, form, tile: tile4x8 };
      const { filtered, floats, found } = await run(rows, codebook, dim, variant);
      expect(filtered, metric).toEqual(floats);
      expect(found, metric).toEqual(floats);
      expect(filtered?.invalid).toBe(2);
    }
  });
});

test.for(pools)("a search gives the k nearest of all codes ($name)", async ({ pool: each }) => {
  const dim = 32;
  const k = 7;
  const vectors = generator(vectorKinds.gaussian!, 11, dim);
  const codebook = vectors(1500);
  const rows = vectors(300);
  const search = await createSearch(codebook, { dim, pool: each });
  const { indices } = await search.nearestTopK(rows, k);
  search.dispose();
  for (let n = 0; n < 300; n++) {
    const distances = Array.from({ length: 1500 }, (_, c) => {
      let sum = 0;
      for (let d = 0; d < dim; d++) sum += (rows[n * dim + d]! - codebook[c * dim + d]!) ** 2;
      return sum;
    });
    const order = distances.map((_, c) => c).sort((a, b) => distances[a]! - distances[b]! || a - b);
    expect([...indices.subarray(n * k, n * k + k)]).toEqual(order.slice(0, k));
  }
});

describe("on generated data the answer is that in floats, to the bit, and the nearest", () => {
  const settings = fc.record({
    ...searchSizes,
    most: fc.integer({ min: 1, max: 32 }),
    metric: fc.constantFrom(...metrics),
    tile: fc.constantFrom(...tileShapes),
    form: fc.constantFrom(...forms),
  });

  test.for(Object.entries(vectorKinds))("%s", async ([, kind]) => {
    const property = fc.asyncProperty(settings, async (generated) => {
      const { seed, dim, size, rows, most, ...variant } = generated;
      const vectors = generator(kind, seed, dim);
      const codebook = vectors(size);
      const k = Math.min(most, size);
      const given = vectors(rows);
      const { filtered, floats, found } = await run(given, codebook, dim, { ...variant, k });
      expectNearest(floats, given, codebook, dim, { ...variant, k });
      if (filtered !== undefined) expect(filtered).toEqual(floats);
      if (found !== undefined) expect(found).toEqual(floats);
    });
    await fc.assert(property, { numRuns: searches });
  });
});
