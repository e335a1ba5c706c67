import fc from "fast-check";
import { afterAll, describe, expect, it, test } from "vitest";
import { ofLengthOne, searchedInStages } from "../../../../../../test/support/filteredSearch.ts";
import { generator, searches, vectorKinds } from "../../../../../../test/support/vectorKinds.ts";
import { searchKernels } from "../../engine/binaries/search.ts";
import { createPool } from "../../engine/createPool.ts";
import { type KernelForm, supports } from "../../engine/kernelModule.ts";
import { createSearch } from "../createSearch.ts";
import { nearestReference } from "../nearest.reference.ts";
import { packCodebook } from "../packedCodebook.ts";
import { tile4x8, tileShapes } from "../tileShape.ts";

const pool = createPool({ threads: 1 });
afterAll(() => pool.dispose());

const forms: KernelForm[] = supports("relaxed") ? ["relaxed", "plain"] : ["plain"];
const metrics = ["euclidean", "cosine", "dot"] as const;

describe.each(forms)("the search in a k-d tree (%s)", (form) => {
  it.each([
    [1, 1000],
    [2, 5000],
    [3, 513],
    [4, 1025],
    [6, 9000],
    [8, 30000],
  ])("pays for few features and many codes, D %i, %i codes", async (dim, size) => {
    const vectors = generator(vectorKinds.gaussian!, dim, dim);
    const [gaussians, rows] = [vectors(size), vectors(500)];
    for (const metric of metrics) {
      if (metric !== "euclidean" && dim === 1) continue; // all codes would be 1 or -1
      const codebook = metric === "dot" ? ofLengthOne(gaussians, dim) : gaussians;
      const variant = { metric, form, tile: tile4x8 };
      const { floats, found, paid } = await searchedInStages(pool, rows, codebook, dim, variant);
      expect(found).toEqual(floats);
      expect(paid).toBe(true);
    }
  });

  it("gives up where boxes reach into each other", async () => {
    const vectors = generator(vectorKinds.gaussian!, 1, 16);
    const [codebook, rows] = [vectors(600), vectors(200)];
    for (const metric of metrics) {
      const variant = { metric, form, tile: tile4x8 };
      const { floats, found, paid } = await searchedInStages(pool, rows, codebook, 16, variant);
      expect(found).toEqual(floats);
      expect(paid).toBe(false);
    }
  });

  it("leaves ties to the exact search: the lowest index wins", async () => {
    const dim = 3;
    const next = generator(vectorKinds["duplicated codes"]!, 5, dim);
    const [codebook, rows] = [next(700), next(300)]; // 27 different codes
    const variant = { metric: "euclidean", form, tile: tile4x8 } as const;
    const { floats, found } = await searchedInStages(pool, rows, codebook, dim, variant);
    expect(found).toEqual(floats);
    expect(found?.indices).toEqual(nearestReference(rows, codebook, dim, "euclidean").indices);
  });

  it("marks rows that are not finite and leaves those out of range to the others", async () => {
    const dim = 4;
    const vectors = generator(vectorKinds.gaussian!, 3, dim);
    const [codebook, rows] = [vectors(900), vectors(60)];
    rows.fill(0, 0, dim);
    rows[dim] = Number.NaN;
    rows[2 * dim + 3] = Number.POSITIVE_INFINITY;
    rows.fill(3e38, 3 * dim, 4 * dim);
    rows.fill(1e-30, 4 * dim, 5 * dim);
    rows.fill(1e12, 5 * dim, 6 * dim);
    for (const metric of metrics) {
      const variant = { metric, form, tile: tile4x8 };
      const { floats, found } = await searchedInStages(pool, rows, codebook, dim, variant);
      expect(found, metric).toEqual(floats);
      expect(found?.invalid).toBe(2);
    }
  });

  it("orders every code once, near ones together", async () => {
    const { memory } = pool;
    for (const [dim, size] of [
      [2, 1024],
      [5, 1000],
      [3, 257],
    ] as const) {
      const codebook = generator(vectorKinds.gaussian!, 7, dim)(size);
      const shape = { dim, size, metric: "euclidean", tile: tile4x8, form } as const;
      const book = await packCodebook(pool, shape);
      await book.set(codebook);
      const { orderCodes } = await pool.load(searchKernels, form);
      const leaves = Math.ceil(size / 32);
      const out = memory.allocate(4 * size);
      const scratch = memory.allocate(4 * size * dim);
      orderCodes.call(0, 0, scratch, book.header, out);
      const order = [...memory.i32(out, size)];
      for (const region of [out, scratch]) memory.free(region);
      book.free();
      const indices = Array.from({ length: size }, (_, k) => k);
      expect([...order].sort((a, b) => a - b)).toEqual(indices);
      const volume = (some: readonly number[]) => {
        let product = 1;
        for (let d = 0; d < dim; d++) {
          const numbers = some.map((k) => codebook[k * dim + d]!);
          product *= Math.max(...numbers) - Math.min(...numbers);
        }
        return product;
      };
      let sum = 0;
      for (let leaf = 0; leaf < leaves; leaf++) {
        sum += volume(order.slice(32 * leaf, 32 * leaf + 32));
      }
      expect(sum / volume(indices)).toBeLessThan(1); // boxes hardly overlap
    }
  });
});

test("a search answers alike before, while and after its codes lie in a tree", async () => {
  const dim = 5;
  const gaussian = generator(vectorKinds.gaussian!, 2, dim);
  const clustered = generator(vectorKinds.clustered!, 3, dim);
  const codebooks = [gaussian(1200), clustered(1200)];
  const search = await createSearch(codebooks[0]!, { dim, pool });
  for (let call = 0; call < 10; call++) {
    const codebook = codebooks[(call >> 2) % 2]!;
    const rows = (call % 2 === 0 ? gaussian : clustered)(1700);
    await search.setCodebook(codebook);
    const { indices, distances } = await search.nearest(rows);
    const fresh = await createSearch(codebook, { dim, pool });
    for (let begin = 0; begin < 1700; begin += 170) {
      const part = rows.subarray(begin * dim, (begin + 170) * dim); // too few to order codes for
      const expected = await fresh.nearest(part);
      expect(indices.slice(begin, begin + 170)).toEqual(expected.indices);
      expect(distances.slice(begin, begin + 170)).toEqual(expected.distances);
    }
    fresh.dispose();
  }
  search.dispose();
});

describe("on generated data the answer of the tree is that in floats, to the bit", () => {
  const settings = fc.record({
    seed: fc.integer({ min: 1, max: 2 ** 30 }),
    dim: fc.integer({ min: 1, max: 16 }),
    size: fc.integer({ min: 256, max: 1100 }),
    rows: fc.integer({ min: 1, max: 60 }),
    metric: fc.constantFrom(...metrics),
    tile: fc.constantFrom(...tileShapes),
    form: fc.constantFrom(...forms),
  });

  test.for(Object.entries(vectorKinds))("%s", async ([, kind]) => {
    const property = fc.asyncProperty(settings, async ({ seed, dim, size, rows, ...variant }) => {
      const vectors = generator(kind, seed, dim);
      const codebook = vectors(size);
      const { floats, found } = await searchedInStages(pool, vectors(rows), codebook, dim, variant);
      if (found !== undefined) expect(found).toEqual(floats);
    });
    await fc.assert(property, { numRuns: searches });
  });
});
