import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { integers, testPools } from "../../../../../test/support/kernelPools.ts";
import { searchKernels } from "../engine/binaries/search.ts";
import type { Pool } from "../engine/pool.ts";
import { tile3x12, tile4x8, tile6x8 } from "../search/tileShape.ts";
import { createResidualSearch } from "./createResidualSearch.ts";
import { createPackedResidualSearch } from "./packedResidualSearch.ts";
import { residualNearestReference } from "./residualNearest.reference.ts";
import type { ResidualSearchOptions } from "./residualSearch.ts";

const pools = testPools();
afterAll(() => {
  for (const { pool } of pools) pool.dispose();
});

/** Integers small enough for exact sums in float32, with many ties. */
const whole = (length: number, seed: number, size = 3) =>
  Float32Array.from({ length }, integers(seed, -size, size));

/** A search with a tile shape of choice. */
async function search(
  vectors: Float32Array,
  codebooks: readonly Float32Array[],
  options: ResidualSearchOptions & { pool: Pool },
  tile = tile4x8,
) {
  const { dim, beam = 1, rank, weights = codebooks.map(() => 1), pool, invalid } = options;
  const settings = { dim, beam, weights, throws: invalid !== "mark" };
  const search = await createPackedResidualSearch(pool, tile, pool.form, codebooks, {
    ...settings,
    carry: rank === "sum" ? 1 : 0,
    limit: Number.POSITIVE_INFINITY,
  });
  const found = await search.nearest(vectors);
  search.dispose();
  return found;
}

/** Counts the tables of products that are made from now on. */
async function countTables(pool: Pool): Promise<() => number> {
  const { codeProducts } = await pool.load(searchKernels, pool.form);
  const run = vi.spyOn(pool, "run");
  onTestFinished(() => run.mockRestore());
  return () => run.mock.calls.filter(([kernel]) => kernel === codeProducts).length;
}

describe.each(pools)("residual search ($name)", ({ pool }) => {
  const cases = [
    { rows: 1, dim: 1, sizes: [1] },
    { rows: 9, dim: 3, sizes: [5, 2, 9] },
    { rows: 13, dim: 8, sizes: [13, 12] },
    { rows: 40, dim: 17, sizes: [30, 1, 7, 8] },
    { rows: 150, dim: 32, sizes: [40, 41, 33] },
  ];

  it("equals the reference where what a layer leaves is all rounding", async () => {
    const [rows, dim] = [400, 3];
    const draw = integers(7, -(2 ** 20), 2 ** 20);
    const small = (length: number, size: number) =>
      Float32Array.from({ length }, () => (draw() / 2 ** 20) * size);
    const vectors = small(rows * dim, 0.3).map((value) => 1 + value);
    const first = Float32Array.of(0.0123456, 0.0234567, 0.0345678);
    const near = small(rows * dim, 3e-7);
    const second = vectors.map((value, i) => value - (first[i % dim] as number) + near[i]!);
    const books = [first, second, small(150, 1e-7)];
    const score = { weights: [1, 1, 1], carry: 0 } as const;
    const { indices } = await search(vectors, books, { dim, pool });
    expect([...indices]).toEqual([...residualNearestReference(vectors, books, dim, 1, score)]);
  });

  for (const tile of [tile6x8, tile3x12, tile4x8]) {
    it(`equals the reference on integers (${tile.rows} x ${tile.codes})`, async () => {
      for (const { rows, dim, sizes } of cases) {
        const vectors = whole(rows * dim, rows, 9);
        const codebooks = sizes.map((size, q) => whole(size * dim, 10 * q + dim));
        const weights = sizes.map((_, q) => 1 + q / 2);
        for (const beam of [1, 2, 5, 16]) {
          for (const rank of ["last", "sum"] as const) {
            const options = { dim, beam, rank, weights, pool };
            const { indices, invalidRows } = await search(vectors, codebooks, options, tile);
            const score = { weights, carry: rank === "sum" ? 1 : 0 } as const;
            expect([...indices], `rows ${rows}, dim ${dim}, beam ${beam}, rank ${rank}`).toEqual([
              ...residualNearestReference(vectors, codebooks, dim, beam, score),
            ]);
            expect(invalidRows).toBe(0);
          }
        }
      }
    });
  }

  it("crosses every tail of rows, features and codes", async () => {
    for (const [i, dim] of [
      1, 2, 3, 4, 5, 6, 7, 9, 14, 15, 16, 23, 31, 40, 255, 256, 257,
    ].entries()) {
      const large =
        dim === 255 ? 1023 : dim === 256 ? 1024 : dim === 257 ? 1025 : 1 + ((7 * i) % 40);
      const codebooks = [whole(large * dim, i), whole((1 + ((11 * i) % 40)) * dim, i + 50)];
      for (const rows of [i % 10, 9 - (i % 10)]) {
        const vectors = whole(rows * dim, rows + 99, 9);
        for (const beam of [1, 3]) {
          const { indices } = await search(vectors, codebooks, { dim, beam, pool });
          const score = { weights: [1, 1], carry: 0 } as const;
          expect([...indices], `rows ${rows}, dim ${dim}, beam ${beam}`).toEqual([
            ...residualNearestReference(vectors, codebooks, dim, beam, score),
          ]);
        }
      }
    }
  });

  it("gives the same with tables of products as without", async () => {
    const [dim, sizes] = [64, [37, 50, 29]];
    const codebooks = sizes.map((size, q) => whole(size * dim, q + 1));
    const vectors = whole(300 * dim, 4, 9);
    const made = await countTables(pool);
    const all = await search(vectors, codebooks, { dim, beam: 4, pool });
    expect(made()).toBe(3);
    for (const row of [0, 1, 150, 299]) {
      const one = await search(vectors.slice(row * dim, (row + 1) * dim), codebooks, {
        dim,
        beam: 4,
        pool,
      });
      expect([...one.indices]).toEqual([...all.indices.slice(row * 3, row * 3 + 3)]);
    }
    expect(made()).toBe(3);
  });

  it("takes other codebooks, also with tables", async () => {
    const [dim, beam] = [48, 3];
    const books = (seed: number) => [whole(20 * dim, seed), whole(30 * dim, seed + 1)];
    const vectors = whole(200 * dim, 1, 9);
    const made = await countTables(pool);
    const residual = await createResidualSearch(books(5), { dim, beam, pool });
    await residual.nearest(vectors);
    expect(made()).toBe(1);
    await residual.set(books(50));
    const { indices } = await residual.nearest(vectors);
    expect(made()).toBe(2);
    residual.dispose();
    const score = { weights: [1, 1], carry: 0 } as const;
    expect([...indices]).toEqual([
      ...residualNearestReference(vectors, books(50), dim, beam, score),
    ]);
  });

  it("finds no worse an error with a wider beam, on random floats", async () => {
    const [dim, layers, rows] = [32, 4, 400];
    const floats = (length: number, seed: number, scale: number) => {
      const next = integers(seed, -1000, 1000);
      return Float32Array.from({ length }, () => ((next() + next() + next()) / 1500) * scale);
    };
    const codebooks = Array.from({ length: layers }, (_, q) => floats(64 * dim, q, 0.7 ** q));
    const vectors = floats(rows * dim, 99, 1);
    const errors: number[] = [];
    for (const beam of [1, 2, 8, 16]) {
      const { indices } = await search(vectors, codebooks, { dim, beam, pool });
      let error = 0;
      for (let n = 0; n < rows; n++) {
        for (let d = 0; d < dim; d++) {
          let rest = vectors[n * dim + d]!;
          for (let q = 0; q < layers; q++) {
            rest -= codebooks[q]![indices[n * layers + q]! * dim + d]!;
          }
          error += rest * rest;
        }
      }
      errors.push(error);
    }
    for (let i = 1; i < errors.length; i++) expect(errors[i]!).toBeLessThan(errors[i - 1]!);
  });

  it("gives -1 in all layers and counts a vector that is not finite", async () => {
    const codebooks = [whole(8, 1), whole(8, 2)];
    const vectors = Float32Array.of(1, 2, Number.NaN, 0, Number.NEGATIVE_INFINITY, 1);
    for (const beam of [1, 2]) {
      const { indices, invalidRows } = await search(vectors, codebooks, {
        dim: 2,
        beam,
        invalid: "mark",
        pool,
      });
      expect(indices[0]).toBeGreaterThanOrEqual(0);
      expect([...indices.slice(2)]).toEqual([-1, -1, -1, -1]);
      expect(invalidRows).toBe(2);
      await expect(search(vectors, codebooks, { dim: 2, beam, pool })).rejects.toThrow(
        "nearest: vectors, row 1: expected finite numbers, got NaN",
      );
    }
  });

  it("shares a codebook that is given for several layers, and frees all memory", async () => {
    const codebook = whole(5 * 4, 3);
    await search(whole(40, 1), [whole(40, 2)], { dim: 4, pool }); // scratch memory stays
    const used = pool.memory.used;
    const residual = await createResidualSearch([codebook, codebook, codebook], { dim: 4, pool });
    const vectors = whole(30 * 4, 8, 9);
    const score = { weights: [1, 1, 1], carry: 0 } as const;
    expect([...(await residual.nearest(vectors)).indices]).toEqual([
      ...residualNearestReference(vectors, [codebook, codebook, codebook], 4, 1, score),
    ]);
    await expect(residual.set([codebook, codebook, codebook.slice()])).rejects.toThrow(
      "set: codebooks[2]: expected the array of layer 0",
    );
    residual.dispose();
    await pool.exclusive(() => {});
    expect(pool.memory.used).toBeLessThanOrEqual(used);
  });

  it("refuses what does not fit", async () => {
    const make = (options: ResidualSearchOptions, length = 8) =>
      createResidualSearch([new Float32Array(length)], { pool, ...options });
    await expect(make({ dim: 3 })).rejects.toThrow("codebooks[0]: expected codes of 3 numbers");
    await expect(make({ dim: 2, beam: 17 })).rejects.toThrow("beam: expected at most 16, got 17");
    await expect(make({ dim: 2, weights: [1, 2] })).rejects.toThrow("weights: expected 1 weights");
    await expect(make({ dim: 2, weights: [0] })).rejects.toThrow("weights: expected a finite");
  });
});
