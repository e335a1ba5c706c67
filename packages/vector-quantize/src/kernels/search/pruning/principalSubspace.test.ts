import fc from "fast-check";
import { afterAll, describe, expect, it, test } from "vitest";
import { ofLengthOne, searchedInStages } from "../../../../../../test/support/filteredSearch.ts";
import {
  generator,
  searches,
  searchSizes,
  vectorKinds,
} from "../../../../../../test/support/vectorKinds.ts";
import { uniformFrom } from "../../clustering/uniform.ts";
import { searchKernels } from "../../engine/binaries/search.ts";
import { createPool } from "../../engine/createPool.ts";
import { type KernelForm, supports } from "../../engine/kernelModule.ts";
import { createSearch } from "../createSearch.ts";
import { type KernelMetric, packCodebook } from "../packedCodebook.ts";
import { tile4x8, tileShapes } from "../tileShape.ts";

const pool = createPool({ threads: 1 });
afterAll(() => pool.dispose());

const forms: KernelForm[] = supports("relaxed") ? ["relaxed", "plain"] : ["plain"];

const metrics = ["euclidean", "cosine", "dot"] as const;

/** Vectors that spread along `rank` directions, each less than the one before, and a little else. */
function alongFew(seed: number, dim: number, rank: number, noise: number) {
  const next = uniformFrom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const directions = Array.from({ length: rank * dim }, normal);
  return (count: number): Float32Array<ArrayBuffer> => {
    const values = new Float32Array(count * dim);
    for (let n = 0; n < count; n++) {
      for (let r = 0; r < rank; r++) {
        const weight = normal() / (1 + r);
        for (let d = 0; d < dim; d++) values[n * dim + d]! += weight * directions[r * dim + d]!;
      }
      for (let d = 0; d < dim; d++) values[n * dim + d]! += noise * normal();
    }
    return values;
  };
}

/** The search that looks at projections first, and that in floats; and whether the former paid. */
function run(
  vectors: Float32Array,
  codebook: Float32Array,
  dim: number,
  metric: KernelMetric,
  form: KernelForm,
  tile = tile4x8,
) {
  return searchedInStages(pool, vectors, codebook, dim, { metric, form, tile });
}

describe.each(forms)("the search that looks at projections first (%s)", (form) => {
  it.each([
    [48, 300],
    [100, 2500],
    [256, 1024],
    [600, 70],
  ])("pays on vectors along few directions, D %i, %i codes", async (dim, size) => {
    const vectors = alongFew(dim, dim, 6, 0.02);
    const some = vectors(size);
    some.copyWithin(7 * dim, 3 * dim, 4 * dim); // one code twice
    const rows = vectors(200);
    rows.set(some.subarray(7 * dim, 8 * dim), 5 * dim);
    for (const metric of metrics) {
      const codebook = metric === "dot" ? ofLengthOne(some, dim) : some;
      const { floats, found, paid } = await run(rows, codebook, dim, metric, form);
      expect(found).toEqual(floats);
      expect(paid).toBe(true);
      if (metric === "euclidean") expect(found?.indices[5]).toBe(3);
    }
  });

  it("gives up on vectors that spread in all directions", async () => {
    const vectors = generator(vectorKinds.gaussian!, 5, 64);
    const [codebook, rows] = [vectors(500), vectors(200)];
    for (const metric of metrics) {
      const { floats, found, paid } = await run(rows, codebook, 64, metric, form);
      expect(found).toEqual(floats);
      expect(paid).toBe(false);
    }
  });

  it("marks rows that are not finite and leaves those out of range to the others", async () => {
    const dim = 64;
    const vectors = alongFew(2, dim, 4, 0.01);
    const [codebook, rows] = [vectors(300), vectors(60)];
    rows.fill(0, 0, dim);
    rows[dim] = Number.NaN;
    rows[2 * dim + 3] = Number.NEGATIVE_INFINITY;
    rows.fill(3e38, 3 * dim, 4 * dim);
    rows.fill(1e-30, 4 * dim, 5 * dim);
    for (const metric of metrics) {
      const { floats, found } = await run(rows, codebook, dim, metric, form);
      expect(found, metric).toEqual(floats);
      expect(found?.invalid).toBe(2);
    }
  });
});

describe.each(forms)("directions (%s)", (form) => {
  /** The directions found for a codebook, and the share of its spread along them. */
  async function find(codebook: Float32Array, dim: number, count: number) {
    const { memory } = pool;
    const size = codebook.length / dim;
    const shape = { dim, size, metric: "euclidean", tile: tile4x8, form } as const;
    const book = await packCodebook(pool, shape);
    await book.set(codebook);
    const { findAxes } = await pool.load(searchKernels, form);
    const scratch = memory.allocate(4 * dim * (256 + count));
    const out = memory.allocate(4 * count * dim);
    const samples = Math.min(256, book.size);
    findAxes.call(0, 0, scratch, book.header, count, samples, out);
    const axes = memory.f32(out, count * dim).slice();
    for (const region of [scratch, out]) memory.free(region);
    book.free();
    const mean = Array.from({ length: dim }, (_, d) => {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += codebook[k * dim + d]!;
      return sum / size;
    });
    let [all, along] = [0, 0];
    for (let k = 0; k < size; k++) {
      const code = mean.map((m, d) => codebook[k * dim + d]! - m);
      all += code.reduce((sum, v) => sum + v * v, 0);
      for (let a = 0; a < count; a++) {
        along += code.reduce((sum, v, d) => sum + v * axes[a * dim + d]!, 0) ** 2;
      }
    }
    const lengths = Array.from({ length: count }, (_, a) =>
      Math.hypot(...axes.subarray(a * dim, (a + 1) * dim)),
    );
    return { axes, lengths, share: along / all };
  }

  it("are orthonormal and hold nearly all of a spread of few directions", async () => {
    for (const [dim, size] of [
      [50, 40],
      [129, 700],
    ] as const) {
      const { axes, lengths, share } = await find(alongFew(3, dim, 8, 0.05)(size), dim, 16);
      expect(share).toBeGreaterThan(0.99);
      expect(share).toBeLessThan(1 + 1e-5);
      for (let a = 0; a < 16; a++) {
        expect(lengths[a]).toBeCloseTo(1, 5);
        for (let b = 0; b < a; b++) {
          let product = 0;
          for (let d = 0; d < dim; d++) product += axes[a * dim + d]! * axes[b * dim + d]!;
          expect(Math.abs(product)).toBeLessThan(1e-5);
        }
      }
    }
  });

  it("are zeros where the codes spread along fewer", async () => {
    const { lengths, share } = await find(alongFew(3, 64, 3, 0)(100), 64, 16);
    expect(share).toBeCloseTo(1, 5);
    expect(lengths.filter((length) => length === 0).length).toBeGreaterThanOrEqual(10);
  });
});

test("a search answers alike before, while and after its codes are projected", async () => {
  const dim = 80;
  const kinds = [alongFew(1, dim, 5, 0.05), generator(vectorKinds.gaussian!, 2, dim)];
  const codebooks = kinds.map((vectors) => vectors(600));
  const search = await createSearch(codebooks[0]!, { dim, pool });
  for (let call = 0; call < 12; call++) {
    // Rows and codes of either kind, so that projections help and do not help in turn.
    const codebook = codebooks[(call >> 2) % 2]!;
    const rows = kinds[(call >> 1) % 2]!(1700);
    await search.setCodebook(codebook);
    const { indices, distances } = await search.nearest(rows);
    const fresh = await createSearch(codebook, { dim, pool });
    for (let begin = 0; begin < 1700; begin += 170) {
      const part = rows.subarray(begin * dim, (begin + 170) * dim); // too few to project for
      const expected = await fresh.nearest(part);
      expect(indices.slice(begin, begin + 170)).toEqual(expected.indices);
      expect(distances.slice(begin, begin + 170)).toEqual(expected.distances);
    }
    fresh.dispose();
  }
  search.dispose();
});

test("on generated data along few directions the answer is that in floats, to the bit", async () => {
  const settings = fc.record({
    ...searchSizes,
    dim: fc.integer({ min: 48, max: 130 }),
    rank: fc.integer({ min: 1, max: 20 }),
    noise: fc.constantFrom(0, 1e-4, 0.05, 0.3),
    metric: fc.constantFrom(...metrics),
    tile: fc.constantFrom(...tileShapes),
    form: fc.constantFrom(...forms),
  });
  const property = fc.asyncProperty(settings, async (generated) => {
    const { seed, dim, size, rows, rank, noise, metric, form, tile } = generated;
    const vectors = alongFew(seed, dim, rank, noise);
    const codebook = vectors(size);
    const { floats, found } = await run(vectors(rows), codebook, dim, metric, form, tile);
    if (found !== undefined) expect(found).toEqual(floats);
  });
  await fc.assert(property, { numRuns: searches });
});
