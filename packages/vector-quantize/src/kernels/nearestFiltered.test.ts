import fc from "fast-check";
import { afterAll, describe, expect, it, test } from "vitest";
import { testPools } from "../../../../test/support/kernelPools.ts";
import { generator, searchSizes, vectorKinds } from "../../../../test/support/vectorKinds.ts";
import { nearestBinary } from "./binaries/nearest.wasm.ts";
import { nearestFilteredBinary } from "./binaries/nearestFiltered.wasm.ts";
import { type KernelForm, supports } from "./binary.ts";
import { type KernelMetric, packCodebook } from "./codebook.ts";
import { createFilter } from "./filter.ts";
import { filterScratch } from "./filterCodebook.ts";
import { uniformFrom } from "./random.ts";
import { nearestScalar } from "./scalar/nearest.ts";
import { type TileShape, tile3x12, tile4x8, tileShapes } from "./tile.ts";
import { nearestScratch } from "./tileChoice.ts";

const pools = testPools();
const pool = pools[0]!.pool; // of one thread
afterAll(() => {
  for (const each of pools) each.pool.dispose();
});

const forms: KernelForm[] = supports("relaxed") ? ["relaxed", "plain"] : ["plain"];
const metrics: KernelMetric[] = ["euclidean", "cosine", "dot"];
/** So many rows are worth projecting the codes for. */
const MANY_ROWS = 2 ** 22;

interface Variant {
  metric: KernelMetric;
  form: KernelForm;
  tile: TileShape;
}

/** The search behind the filter, and that in floats for comparison. */
async function run(
  vectors: Float32Array,
  codebook: Float32Array,
  dim: number,
  { metric, form, tile }: Variant,
) {
  const { memory } = pool;
  const rows = vectors.length / dim;
  const { nearestFiltered } = await pool.load(nearestFilteredBinary, form);
  const { nearest } = await pool.load(nearestBinary, form);
  const book = await packCodebook(pool, { dim, size: codebook.length / dim, metric, tile, form });
  await book.set(codebook);
  const filter = await createFilter(pool, book, form, true);
  await filter.update();
  const blockRows = 48;
  const x = memory.allocate(4 * vectors.length);
  const out = memory.allocate(8 * rows);
  const scratch = memory.allocate(filterScratch(dim, blockRows, form));
  const other = memory.allocate(nearestScratch(dim, blockRows));
  memory.f32(x, vectors.length).set(vectors);
  const args = [book.header, x, out, out + 4 * rows, blockRows] as const;
  const answer = (invalid: number) => ({
    invalid,
    indices: memory.i32(out, rows).slice(),
    distances: memory.f32(out + 4 * rows, rows).slice(),
  });
  const floats = answer(nearest.call(0, rows, other, ...args));
  const header = await filter.start(0, "nearest");
  const behindFilter = () =>
    header === 0 ? undefined : answer(nearestFiltered.call(0, rows, scratch, ...args, header));
  const filtered = behindFilter();
  await filter.start(MANY_ROWS, "nearest");
  const projected = behindFilter();
  for (const region of [x, out, scratch, other]) memory.free(region);
  filter.free();
  book.free();
  return { floats, filtered, projected };
}

const integers = (length: number, next: () => number) =>
  Float32Array.from({ length }, () => Math.floor(next() * 7) - 3);

const gaussians = (length: number, next: () => number, scale = 1, offset = 0) =>
  Float32Array.from(
    { length },
    () => offset + scale * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );

describe("on integers the search behind the filter agrees with the scalar twin", () => {
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
      const { filtered, floats, projected } = await run(vectors, codebook, dim, variant);
      if (filtered === undefined) continue; // all codes equal their mean
      const { indices } = nearestScalar(vectors, codebook, dim, variant.metric);
      expect({ dim, size, rows, indices: filtered.indices }).toEqual({ dim, size, rows, indices });
      expect(filtered.distances).toEqual(floats.distances);
      expect(projected).toEqual(filtered);
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
          const { filtered, floats, projected } = await run(vectors, codebook, dim, variant);
          expect(filtered, `${metric} ${dim}`).toEqual(floats);
          expect(projected, `${metric} ${dim}`).toEqual(floats);
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
      const { filtered, floats, projected } = await run(vectors, codebook, dim, {
        metric,
        form,
        tile: tile4x8,
      });
      expect(filtered, metric).toEqual(floats);
      expect(projected, metric).toEqual(floats);
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

describe("on generated data the answer is that of the search in floats, to the bit", () => {
  const runs = 1000;

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
      const { filtered, floats, projected } = await run(vectors(rows), codebook, dim, variant);
      if (filtered !== undefined) expect(filtered).toEqual(floats);
      if (projected !== undefined) expect(projected).toEqual(floats);
    });
    await fc.assert(property, { numRuns: runs });
  });
});
