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
import { uniformFrom } from "../../clustering/uniform.ts";
import { type KernelForm, supports } from "../../engine/kernelModule.ts";
import { nearestReference } from "../nearest.reference.ts";
import type { KernelMetric } from "../packedCodebook.ts";
import { tile3x12, tile4x8, tileShapes } from "../tileShape.ts";

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

const integers = (length: number, next: () => number) =>
  Float32Array.from({ length }, () => Math.floor(next() * 7) - 3);

const gaussians = (length: number, next: () => number, scale = 1, offset = 0) =>
  Float32Array.from(
    { length },
    () => offset + scale * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );

describe("on integers the search behind the filter agrees with the reference", () => {
  const dims = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 34, 35, 40, 255, 256, 257];
  const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 25, 39, 40, 1023, 1024, 1025];
  const variants = forms.flatMap((form) =>
    metrics.flatMap((metric) => tileShapes.map((tile) => ({ form, metric, tile }))),
  );

  test.for(variants)("$form $metric $tile.rows x $tile.codes", async (variant) => {
    const next = uniformFrom(3);
    for (let i = 0; i < dims.length * 2; i++) {
      const dim = dims[i % dims.length]!;
      const size = sizes[(i * 5) % sizes.length]!;
      const rows = [0, 1, 2, 3, 4, 5, 9, 25, 60][i % 9]!;
      const vectors = integers(rows * dim, next);
      const codebook = integers(size * dim, next);
      const { filtered, floats, found } = await run(vectors, codebook, dim, variant);
      if (filtered === undefined) continue; // all codes equal their mean
      const { indices } = nearestReference(vectors, codebook, dim, variant.metric);
      expect({ dim, size, rows, indices: filtered.indices }).toEqual({ dim, size, rows, indices });
      expect(filtered.distances).toEqual(floats.distances);
      expect(found).toEqual(filtered);
    }
  });
});

describe.each(forms)("the search behind the filter (%s)", (form) => {
  it("gives the indices and distances of the one in floats, to the bit", async () => {
    const next = uniformFrom(8);
    for (const metric of metrics) {
      for (const [dim, size, scale, offset] of [
        [32, 700, 1, 0],
        [64, 300, 1, 1000],
        [129, 257, 1e-6, 0],
        [48, 500, 1e6, 3e5],
      ] as const) {
        const vectors = gaussians(200 * dim, next, scale, offset);
        const codebook = gaussians(size * dim, next, scale * 0.7, offset);
        codebook.copyWithin(7 * dim, 3 * dim, 4 * dim); // one code twice
        vectors.set(codebook.subarray(7 * dim, 8 * dim), 5 * dim);
        for (const tile of [tile4x8, tile3x12]) {
          const variant = { metric, form, tile };
          const { filtered, floats, found } = await run(vectors, codebook, dim, variant);
          expect(filtered, `${metric} ${dim}`).toEqual(floats);
          expect(found, `${metric} ${dim}`).toEqual(floats);
        }
      }
    }
  });

  it("keeps its promise where rows and codes differ in size or in single numbers", async () => {
    const next = uniformFrom(9);
    const dim = 40;
    const vectors = gaussians(300 * dim, next);
    const codebook = gaussians(200 * dim, next);
    for (let n = 0; n < 300; n++) {
      const scale = 10 ** ((n % 30) - 15);
      for (let d = 0; d < dim; d++) vectors[n * dim + d]! *= scale;
      if (n % 3 === 0) vectors[n * dim + (n % dim)]! *= 1000;
    }
    for (let k = 0; k < 200; k++) {
      const scale = 10 ** ((k % 9) - 4);
      for (let d = 0; d < dim; d++) codebook[k * dim + d]! *= scale;
    }
    vectors.fill(0, 0, dim);
    vectors[dim] = Number.NaN;
    vectors[2 * dim + 3] = Number.POSITIVE_INFINITY;
    vectors.fill(3e38, 3 * dim, 4 * dim);
    for (const metric of metrics) {
      const { filtered, floats, found } = await run(vectors, codebook, dim, {
        metric,
        form,
        tile: tile4x8,
      });
      expect(filtered, metric).toEqual(floats);
      expect(found, metric).toEqual(floats);
      expect(filtered?.invalid).toBe(2);
    }
  });

  it("is not used for codes that are all the same or out of range", async () => {
    const dim = 32;
    for (const value of [0, 1e20]) {
      const codebook = new Float32Array(3 * dim).fill(value);
      codebook[0] = value * 2;
      const variant = { metric: "dot", form, tile: tile4x8 } as const;
      const { filtered } = await run(new Float32Array(dim), codebook, dim, variant);
      expect(filtered).toBeUndefined();
    }
  });
});

describe("on generated data the answer is that in floats, to the bit, and the nearest", () => {
  const settings = fc.record({
    ...searchSizes,
    metric: fc.constantFrom(...metrics),
    tile: fc.constantFrom(...tileShapes),
    form: fc.constantFrom(...forms),
  });

  test.for(Object.entries(vectorKinds))("%s", async ([, kind]) => {
    const property = fc.asyncProperty(settings, async ({ seed, dim, size, rows, ...variant }) => {
      const vectors = generator(kind, seed, dim);
      const codebook = vectors(size);
      const given = vectors(rows);
      const { filtered, floats, found } = await run(given, codebook, dim, variant);
      expectNearest(floats, given, codebook, dim, variant);
      if (filtered !== undefined) expect(filtered).toEqual(floats);
      if (found !== undefined) expect(found).toEqual(floats);
    });
    await fc.assert(property, { numRuns: searches });
  });
});
