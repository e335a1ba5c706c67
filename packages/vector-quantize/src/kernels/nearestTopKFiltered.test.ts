import fc from "fast-check";
import { afterAll, describe, expect, it, test } from "vitest";
import { testPools } from "../../../../test/support/kernelPools.ts";
import { generator, searchSizes, vectorKinds } from "../../../../test/support/vectorKinds.ts";
import { nearestTopKBinary } from "./binaries/nearestTopK.wasm.ts";
import { nearestTopKFilteredBinary } from "./binaries/nearestTopKFiltered.wasm.ts";
import { type KernelForm, supports } from "./binary.ts";
import { type KernelMetric, packCodebook } from "./codebook.ts";
import { createFilter } from "./filter.ts";
import { topKFilterScratch } from "./filterCodebook.ts";
import { createSearch } from "./search.ts";
import { type TileShape, tile4x8, tileShapes } from "./tile.ts";
import { topKScratch } from "./tileChoice.ts";

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
  k: number;
  metric: KernelMetric;
  form: KernelForm;
  tile: TileShape;
}

/** The k nearest behind the filter, and those of the search in floats for comparison. */
async function run(
  vectors: Float32Array,
  codebook: Float32Array,
  dim: number,
  { k, metric, form, tile }: Variant,
) {
  const { memory } = pool;
  const rows = vectors.length / dim;
  const { nearestTopKFiltered } = await pool.load(nearestTopKFilteredBinary, form);
  const { nearestTopK } = await pool.load(nearestTopKBinary, form);
  const book = await packCodebook(pool, { dim, size: codebook.length / dim, metric, tile, form });
  await book.set(codebook);
  const filter = await createFilter(pool, book, form, true);
  await filter.update();
  const blockRows = 48;
  const x = memory.allocate(4 * vectors.length);
  const out = memory.allocate(8 * rows * k);
  const scratch = memory.allocate(topKFilterScratch(dim, blockRows, k, form));
  const other = memory.allocate(topKScratch(dim, blockRows));
  memory.f32(x, vectors.length).set(vectors);
  const args = [book.header, x, out, out + 4 * rows * k, blockRows, k] as const;
  const answer = (invalid: number) => ({
    invalid,
    indices: memory.i32(out, rows * k).slice(),
    distances: memory.f32(out + 4 * rows * k, rows * k).slice(),
  });
  const floats = answer(nearestTopK.call(0, rows, other, ...args));
  const header = await filter.start(0, "top-k");
  const behindFilter = () =>
    header === 0 ? undefined : answer(nearestTopKFiltered.call(0, rows, scratch, ...args, header));
  const filtered = behindFilter();
  const fellBack = header !== 0 && memory.i32(header, 4)[3] !== 0;
  await filter.start(MANY_ROWS, "top-k");
  const projected = behindFilter();
  for (const region of [x, out, scratch, other]) memory.free(region);
  filter.free();
  book.free();
  return { floats, filtered, fellBack, projected };
}

describe.each(forms)("top-k behind the filter (%s)", (form) => {
  it("goes through windows of codes and settles most rows", async () => {
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
        const { filtered, floats, fellBack, projected } = await run(rows, codebook, dim, variant);
        expect(filtered, `${metric} ${dim}`).toEqual(floats);
        expect(projected, `${metric} ${dim}`).toEqual(floats);
        expect(fellBack).toBe(false);
      }
    }
  });

  it("gives a group up between windows where too many codes are near", async () => {
    const dim = 24;
    const vectors = generator(vectorKinds.gaussian!, 4, dim);
    const codebook = vectors(4000);
    codebook.fill(1e4, 0, dim); // beside it the integers of all others are alike
    const variant = { k: 12, metric: "euclidean", form, tile: tile4x8 } as const;
    const { filtered, floats, fellBack } = await run(vectors(100), codebook, dim, variant);
    expect(filtered).toEqual(floats);
    expect(fellBack).toBe(true);
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
      const { filtered, floats, projected } = await run(rows, codebook, dim, variant);
      expect(filtered, metric).toEqual(floats);
      expect(projected, metric).toEqual(floats);
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

describe("on generated data the answer is that of top-k in floats, to the bit", () => {
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
      const { filtered, floats, projected } = await run(vectors(rows), codebook, dim, {
        ...variant,
        k,
      });
      if (filtered !== undefined) expect(filtered).toEqual(floats);
      if (projected !== undefined) expect(projected).toEqual(floats);
    });
    await fc.assert(property, { numRuns: 300 });
  });
});
