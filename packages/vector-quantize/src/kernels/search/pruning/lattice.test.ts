import fc from "fast-check";
import { afterAll, describe, expect, it, test } from "vitest";
import { searchedInStages } from "../../../../../../test/support/filteredSearch.ts";
import { generator, vectorKinds } from "../../../../../../test/support/vectorKinds.ts";
import { createPool } from "../../engine/createPool.ts";
import { type KernelForm, supports } from "../../engine/kernelModule.ts";
import { nearestReference } from "../nearest.reference.ts";
import { tile4x8, tileShapes } from "../tileShape.ts";

const pool = createPool({ threads: 1 });
afterAll(() => pool.dispose());

const forms: KernelForm[] = supports("relaxed") ? ["relaxed", "plain"] : ["plain"];

/** Vectors about a line from corner to corner: long on the lattice, in short leaves. */
function aboutLine(count: number, dim: number, seed: number, noise: number): Float32Array {
  const uniform = generator(vectorKinds.uniform!, seed, 1)(count);
  const gaussian = generator(vectorKinds.gaussian!, seed, dim)(count);
  return gaussian.map((v, i) => 30 * uniform[Math.floor(i / dim)]! + noise * v);
}

describe.each(forms)("the search on a lattice (%s)", (form) => {
  const variant = { metric: "euclidean", form, tile: tile4x8 } as const;

  it.each([
    [3, 600],
    [4, 1025],
    [5, 300],
    [6, 4000],
    [7, 513],
    [8, 256],
    [8, 1024],
    [5, 2100],
    [7, 5000],
    [8, 20000],
  ])("answers as in floats, D %i, %i codes", async (dim, size) => {
    const data = {
      gaussian: generator(vectorKinds.gaussian!, dim, dim),
      uniform: generator(vectorKinds.uniform!, dim, dim),
      "about a line": (count: number) => aboutLine(count, dim, count, 1),
      "far from a line": (count: number) => aboutLine(count, dim, count, count === size ? 1 : 8),
    };
    for (const [kind, vectors] of Object.entries(data)) {
      const codebook = vectors(size);
      const rows = vectors(500);
      const { floats, found, onLattice } = await searchedInStages(
        pool,
        rows,
        codebook,
        dim,
        variant,
      );
      expect(found, kind).toEqual(floats);
      const possible = dim > 3 || form === "relaxed";
      if (kind !== "far from a line") expect(onLattice, kind).toBe(possible);
    }
  });

  it("gives the lowest index on ties, and decides near ties in float64", async () => {
    const dim = 6;
    const codebook = new Float32Array(600 * dim);
    for (let i = 0; i < codebook.length; i++) codebook[i] = ((i * 7) % 13) + ((i * 5) % 3);
    codebook.copyWithin(300 * dim, 0, 300 * dim); // every code twice
    const rows = codebook.slice(100 * dim, 400 * dim).map((v, i) => v + (i % 11 === 0 ? 0.5 : 0));
    const { floats, found, onLattice } = await searchedInStages(pool, rows, codebook, dim, variant);
    expect(onLattice).toBe(true);
    expect(found).toEqual(floats);
    expect(found?.indices).toEqual(nearestReference(rows, codebook, dim, "euclidean").indices);
  });

  it("marks rows that are not finite, and leaves those off the lattice to the others", async () => {
    const dim = 8;
    const vectors = generator(vectorKinds.gaussian!, 3, dim);
    const [codebook, rows] = [vectors(900), vectors(100)];
    rows.fill(0, 0, dim);
    rows[dim] = Number.NaN;
    rows[2 * dim + 7] = Number.POSITIVE_INFINITY;
    rows.fill(3e38, 3 * dim, 4 * dim);
    rows.fill(1e-30, 4 * dim, 5 * dim);
    rows.fill(-9, 5 * dim, 6 * dim);
    rows[6 * dim + 3] = 50;
    const { floats, found, onLattice } = await searchedInStages(pool, rows, codebook, dim, variant);
    expect(found).toEqual(floats);
    expect(found?.invalid).toBe(2);
    expect(onLattice).toBe(true);
  });

  it("answers rows that are nearest to empty leaves", async () => {
    const dim = 8;
    const codebook = generator(vectorKinds.uniform!, 5, dim)(300);
    const least = codebook.reduce((a, b) => Math.min(a, b));
    const most = codebook.reduce((a, b) => Math.max(a, b));
    codebook.fill(most, 0, dim);
    // Beyond all codes, and still on the lattice: where the empty leaves are.
    const rows = codebook.map((v) => most + 0.034 * (most - least) + 0.008 * v);
    const { floats, found, onLattice } = await searchedInStages(pool, rows, codebook, dim, variant);
    expect(found).toEqual(floats);
    expect(onLattice).toBe(true);
  });

  it("leaves rows to the others where scores might leave the range of 16 bits", async () => {
    const dim = 5;
    const uniform = generator(vectorKinds.uniform!, 2005, dim + 1);
    // Codes fill the corner of a cube; rows are near the opposite one.
    const size = 2000;
    const numbers = uniform(size).map((v) => -Math.log(1 - v));
    const codebook = Float32Array.from({ length: size * dim }, (_, i) => {
      const first = Math.floor(i / dim) * (dim + 1);
      const own = numbers.subarray(first, first + dim + 1);
      return 1 - (2 * own[i % dim]!) / own.reduce((a, b) => a + b, 0);
    });
    const rows = uniform(2500).map((v) => -0.3 - 0.75 * v); // [3000, 5]
    const { floats, found } = await searchedInStages(pool, rows, codebook, dim, variant);
    expect(found).toEqual(floats);
  });

  it("gives up where all codes but a few are one point of it", async () => {
    const dim = 8;
    const vectors = generator(vectorKinds.gaussian!, 4, dim);
    const [codebook, rows] = [vectors(2000), vectors(200)];
    codebook.fill(-1e4, 0, dim);
    codebook.fill(1e4, dim, 2 * dim);
    const { floats, found, onLattice } = await searchedInStages(pool, rows, codebook, dim, variant);
    expect(found).toEqual(floats);
    expect(onLattice).toBe(false);
  });
});

describe("on generated data the answer of the lattice is that in floats, to the bit", () => {
  const settings = fc.record({
    seed: fc.integer({ min: 1, max: 2 ** 30 }),
    dim: fc.integer({ min: 3, max: 8 }),
    // All leaves at once, and by way of branches.
    size: fc.oneof(fc.integer({ min: 256, max: 1100 }), fc.integer({ min: 2049, max: 2600 })),
    rows: fc.integer({ min: 1, max: 150 }),
    tile: fc.constantFrom(...tileShapes),
    form: fc.constantFrom(...forms),
  });

  test.for(Object.entries(vectorKinds))("%s", async ([, kind]) => {
    const property = fc.asyncProperty(settings, async ({ seed, dim, size, rows, ...rest }) => {
      const variant = { metric: "euclidean", ...rest } as const;
      const vectors = generator(kind, seed, dim);
      const codebook = vectors(size);
      const { floats, found } = await searchedInStages(pool, vectors(rows), codebook, dim, variant);
      if (found !== undefined) expect(found).toEqual(floats);
    });
    await fc.assert(property, { numRuns: 60 });
  });
});
