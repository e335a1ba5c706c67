import { afterAll, describe, expect, test, vi } from "vitest";
import { searchKernels } from "../engine/binaries/search.ts";
import { createPool, defaultPool } from "../engine/createPool.ts";
import { type KernelForm, supports } from "../engine/kernelModule.ts";
import { createSearch } from "./createSearch.ts";
import { nearestReference } from "./nearest.reference.ts";
import { type KernelMetric, packCodebook } from "./packedCodebook.ts";
import { topKScratch } from "./tileChoice.ts";
import { type TileShape, tileShapes } from "./tileShape.ts";

const pool = createPool({ threads: 1 });
const threaded = createPool({ threads: 3 });
afterAll(() => {
  pool.dispose();
  threaded.dispose();
});

const forms: KernelForm[] = supports("relaxed") ? ["relaxed", "plain"] : ["plain"];
const metrics: KernelMetric[] = ["euclidean", "cosine", "dot"];

/** A source of numbers in [0, 1) that is the same on every run. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function integers(length: number, next: () => number): Float32Array {
  return Float32Array.from({ length }, () => Math.floor(next() * 7) - 3);
}

function gaussians(length: number, next: () => number, offset = 0): Float32Array {
  return Float32Array.from(
    { length },
    () => offset + Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );
}

/** Runs the kernel as it is, with a tile shape of choice. */
async function run(
  vectors: Float32Array,
  codebook: Float32Array,
  dim: number,
  { metric, form, tile, k }: { metric: KernelMetric; form: KernelForm; tile: TileShape; k: number },
) {
  const { memory } = pool;
  const rows = vectors.length / dim;
  const size = codebook.length / dim;
  const { nearest, nearestTopK } = await pool.load(searchKernels, form);
  const book = await packCodebook(pool, { dim, size, metric, tile, form });
  await book.set(codebook);
  const x = memory.allocate(4 * vectors.length);
  const out = memory.allocate(8 * rows * k);
  const blockRows = 12;
  const scratch = memory.allocate(topKScratch(dim, blockRows, k));
  memory.f32(x, vectors.length).set(vectors);
  const shared = [scratch, book.header, x, out, out + 4 * rows * k, blockRows] as const;
  if (k === 1) nearest.call(0, rows, ...shared);
  else nearestTopK.call(0, rows, ...shared, k);
  const indices = memory.i32(out, rows * k).slice();
  const distances = memory.f32(out + 4 * rows * k, rows * k).slice();
  for (const region of [x, out, scratch]) memory.free(region);
  book.free();
  return { indices, distances };
}

describe("on integers all forms and shapes agree with the reference", () => {
  const dims = [...Array.from({ length: 40 }, (_, i) => i + 1), 255, 256, 257];
  const sizes = [...Array.from({ length: 40 }, (_, i) => i + 1), 1023, 1024, 1025];
  const variants = forms.flatMap((form) =>
    metrics.flatMap((metric) => tileShapes.map((tile) => ({ form, metric, tile }))),
  );

  // Every size of each list occurs, and so does every pair of residues that tails depend on.
  test.for(variants)("$form $metric $tile.rows x $tile.codes", async (variant) => {
    const next = random(7);
    for (let i = 0; i < dims.length * 3; i++) {
      const dim = dims[i % dims.length]!;
      const size = sizes[(i * 7 + Math.floor(i / dims.length)) % sizes.length]!;
      const rows = i % 10;
      const vectors = integers(rows * dim, next);
      const codebook = integers(size * dim, next);
      const expected = nearestReference(vectors, codebook, dim, variant.metric);
      const { indices, distances } = await run(vectors, codebook, dim, { ...variant, k: 1 });
      expect({ dim, size, rows, indices }).toEqual({ dim, size, rows, indices: expected.indices });
      if (variant.metric !== "cosine") expect(distances).toEqual(expected.distances);

      const k = Math.min(size, 1 + (i % 32));
      if (k === 1) continue;
      const most = nearestReference(vectors, codebook, dim, variant.metric, k);
      const topK = await run(vectors, codebook, dim, { ...variant, k });
      expect({ dim, size, k, indices: topK.indices }).toEqual({
        dim,
        size,
        k,
        indices: most.indices,
      });
    }
  });
});

describe("on random floats the answer is that of float64", () => {
  const cases = [
    { dim: 1, size: 500, offset: 0 },
    { dim: 2, size: 1000, offset: 0 },
    { dim: 8, size: 300, offset: 0 },
    { dim: 37, size: 101, offset: 0 },
    { dim: 64, size: 64, offset: 0 },
    { dim: 3, size: 300, offset: 1000 },
    { dim: 32, size: 200, offset: 1000 },
  ].flatMap((each) => metrics.map((metric) => ({ ...each, metric })));

  test.for(cases)(
    "$metric, D $dim, K $size, offset $offset",
    async ({ dim, size, offset, metric }) => {
      const next = random(dim);
      const vectors = gaussians(300 * dim, next, offset);
      const codebook = gaussians(size * dim, next, offset);
      const k = 5;
      const one = nearestReference(vectors, codebook, dim, metric);
      const five = nearestReference(vectors, codebook, dim, metric, k);
      for (const form of forms) {
        for (const tile of tileShapes) {
          const found = await run(vectors, codebook, dim, { metric, form, tile, k: 1 });
          expect(found.indices).toEqual(one.indices);
          closeTo(found.distances, one.distances, metric === "dot" ? offset * offset * dim : 1);
          const most = await run(vectors, codebook, dim, { metric, form, tile, k });
          expect(most.indices).toEqual(five.indices);
          closeTo(most.distances, five.distances, metric === "dot" ? offset * offset * dim : 1);
        }
      }
    },
  );

  /** Within 2e-6, relative to the value or to `scale`, the size of its terms. */
  function closeTo(found: Float32Array, wanted: Float32Array, scale: number): void {
    found.forEach((value, i) => {
      const bound = 2e-6 * Math.max(Math.abs(wanted[i]!), scale);
      expect(Math.abs(value - wanted[i]!)).toBeLessThanOrEqual(bound);
    });
  }

  test("where the numbers are huge, tiny or far apart", async () => {
    const dim = 4;
    for (const scale of [1e-30, 1e-20, 1e15, 3e18, 1e19, 1e37]) {
      const next = random(3);
      const vectors = gaussians(50 * dim, next).map((value) => value * scale);
      const codebook = gaussians(60 * dim, next).map((value) => value * scale);
      codebook.set([1e38, 1e38, -1e38, 1], 4);
      for (const metric of metrics) {
        const wanted = nearestReference(vectors, codebook, dim, metric, 3);
        for (const form of forms) {
          for (const tile of tileShapes) {
            const found = await run(vectors, codebook, dim, { metric, form, tile, k: 3 });
            expect({ scale, metric, indices: found.indices }).toEqual({
              scale,
              metric,
              indices: wanted.indices,
            });
            const one = await run(vectors, codebook, dim, { metric, form, tile, k: 1 });
            expect(one.indices).toEqual(wanted.indices.filter((_, i) => i % 3 === 0));
          }
        }
      }
    }
  });

  test("where every code occurs many times", async () => {
    const next = random(5);
    const dim = 6;
    const distinct = gaussians(10 * dim, next);
    const codebook = new Float32Array(70 * dim);
    for (let i = 0; i < 7; i++) codebook.set(distinct, i * distinct.length);
    const vectors = gaussians(40 * dim, next);
    const wanted = nearestReference(vectors, codebook, dim, "euclidean", 9);
    for (const tile of tileShapes) {
      const options = { metric: "euclidean", form: "plain", tile } as const;
      expect((await run(vectors, codebook, dim, { ...options, k: 9 })).indices).toEqual(
        wanted.indices,
      );
      const one = await run(vectors, codebook, dim, { ...options, k: 1 });
      expect(one.indices.every((index) => index < 10)).toBe(true);
    }
  });
});

describe("createSearch", () => {
  test.for(metrics)("finds the nearest of many codes of many features, %s", async (metric) => {
    const next = random(13);
    const [dim, size, rows] = [192, 4096, 50];
    const spread = (length: number) => gaussians(length, next).map((v, i) => v / (1 + (i % dim)));
    const codebook = spread(size * dim);
    codebook.copyWithin(0, 100 * dim, 150 * dim); // codes 0 to 49 occur again at 100
    const vectors = spread(rows * dim);
    vectors.set(codebook.subarray(120 * dim, 122 * dim));
    const wanted = nearestReference(vectors, codebook, dim, metric);
    vectors[7 * dim] = Number.NaN;
    wanted.indices[7] = -1;
    const search = await createSearch(codebook, { dim, metric, pool, invalid: "mark" });
    const found = await search.nearest(vectors);
    expect(found.indices).toEqual(wanted.indices);
    expect(found.invalidRows).toBe(1);
    const most = await search.nearestTopK(vectors, 1);
    expect(most).toEqual(found);
    for (const row of [0, 1]) {
      expect((await search.nearest(vectors.subarray(row * dim, (row + 1) * dim))).indices).toEqual(
        found.indices.subarray(row, row + 1),
      );
    }
    const together = await createSearch(codebook, {
      ...{ dim, metric, pool: threaded },
      invalid: "mark",
    });
    expect(await together.nearest(vectors)).toEqual(found);
    search.dispose();
    together.dispose();
  });

  test("does not depend on threads or on how the vectors are split", async () => {
    const next = random(11);
    const dim = 24;
    const vectors = gaussians(3000 * dim, next);
    const codebook = gaussians(257 * dim, next);
    const alone = await createSearch(codebook, { dim, pool });
    const together = await createSearch(codebook, { dim, pool: threaded });
    const whole = await alone.nearest(vectors);
    expect(await together.nearest(vectors)).toEqual(whole);
    const parts = await Promise.all([
      together.nearest(vectors.subarray(0, 1001 * dim)),
      together.nearest(vectors.subarray(1001 * dim)),
    ]);
    expect([...parts[0]!.indices, ...parts[1]!.indices]).toEqual([...whole.indices]);
    const exact = await createSearch(codebook, { dim, pool: threaded, reproducible: true });
    expect(await exact.nearest(vectors)).toEqual(whole);
    for (const search of [alone, together, exact]) search.dispose();
  });

  test("streams vectors that do not fit its stage", async () => {
    const next = random(13);
    const vectors = integers(1_200_000 * 4, next);
    const codebook = integers(5 * 4, next);
    const search = await createSearch(codebook, { dim: 4, pool: threaded });
    const { indices } = await search.nearest(vectors);
    const some = [0, 1, 599_999, 699_050, 699_051, 1_199_999];
    for (const row of some) {
      const wanted = nearestReference(vectors.slice(row * 4, row * 4 + 4), codebook, 4);
      expect(indices[row]).toBe(wanted.indices[0]);
    }
    search.dispose();
    await threaded.exclusive(() => {});
    expect(threaded.memory.memory.buffer.byteLength).toBeLessThan(64e6);
  });

  test("does what its example says", async () => {
    const search = await createSearch(new Float32Array([0, 0, 1, 1, 5, 5]), { dim: 2 });
    const { indices, distances } = await search.nearest(new Float32Array([0.75, 1, 4, 4]));
    expect([...indices, ...distances]).toEqual([1, 2, 0.0625, 2]);
    search.dispose();
    defaultPool().dispose();
  });

  test("takes another codebook and gives its memory back", async () => {
    const own = createPool({ threads: 1 });
    const first = await createSearch(new Float32Array([1, 2]), { dim: 1, pool: own });
    await first.nearest(new Float32Array(1)); // scratch memory stays with the pool
    const used = own.memory.used;
    const search = await createSearch(new Float32Array([0, 10, 20]), { dim: 1, pool: own });
    expect([...(await search.nearest(new Float32Array([9, 19]))).indices]).toEqual([1, 2]);
    await search.setCodebook(new Float32Array([20, 10, 0]));
    expect([...(await search.nearest(new Float32Array([9, 19]))).indices]).toEqual([1, 0]);
    await expect(search.setCodebook(new Float32Array([1, Number.NaN, 2]))).rejects.toThrow(
      "codebook: code 1, feature 0: expected a finite number, got NaN",
    );
    expect([...(await search.nearest(new Float32Array([9, 19]))).indices]).toEqual([1, 0]);
    search.dispose();
    await expect(search.nearest(new Float32Array(1))).rejects.toThrow("disposed of");
    await first.nearest(new Float32Array(1));
    expect(own.memory.used).toBe(used);
    own.dispose();
    await expect(first.nearest(new Float32Array(1))).rejects.toThrow("disposed");
  });

  test("names the vector that is not finite, or marks it", async () => {
    const vectors = new Float32Array([1, 2, Number.NaN, 3, Number.POSITIVE_INFINITY, 0, 1, 1]);
    const codebook = new Float32Array([0, 0, 1, 1]);
    const search = await createSearch(codebook, { dim: 2, pool });
    await expect(search.nearest(vectors)).rejects.toThrow(
      "nearest: vectors, row 1: expected finite numbers, got NaN",
    );
    const marking = await createSearch(codebook, { dim: 2, pool, invalid: "mark" });
    const { indices, distances, invalidRows } = await marking.nearest(vectors);
    expect([...indices]).toEqual([1, -1, -1, 1]);
    expect([...distances]).toEqual([1, Number.NaN, Number.NaN, 0]);
    expect(invalidRows).toBe(2);
    const top = await marking.nearestTopK(vectors, 2);
    expect([...top.indices]).toEqual([1, 0, -1, -1, -1, -1, 1, 0]);
    for (const each of [search, marking]) each.dispose();
  });

  test("gives distances by their metric", async () => {
    const vectors = new Float32Array([3, 4]);
    const codebook = new Float32Array([0, 2, 6, 8]);
    const found: Record<string, number[]> = {};
    for (const metric of metrics) {
      const search = await createSearch(codebook, { dim: 2, metric, pool });
      const { indices, distances } = await search.nearestTopK(vectors, 2);
      found[metric] = [...indices, ...distances];
      search.dispose();
    }
    expect(found).toEqual({
      euclidean: [0, 1, 13, 25],
      cosine: [1, 0, 0, Math.fround(0.2)],
      dot: [1, 0, -50, -8],
    });
  });

  test("does without WebAssembly, and without its SIMD", async () => {
    const next = random(17);
    const vectors = gaussians(20 * 3, next);
    const codebook = gaussians(11 * 3, next);
    for (const metric of metrics) {
      const kernels = await createSearch(codebook, { dim: 3, metric, pool });
      const validate = vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
      const scalar = await createSearch(codebook, { dim: 3, metric });
      validate.mockRestore();
      const [one, top] = [await kernels.nearest(vectors), await kernels.nearestTopK(vectors, 4)];
      expect((await scalar.nearest(vectors)).indices).toEqual(one.indices);
      expect((await scalar.nearestTopK(vectors, 4)).indices).toEqual(top.indices);
      await scalar.setCodebook(codebook.slice().reverse());
      await kernels.setCodebook(codebook.slice().reverse());
      expect((await scalar.nearest(vectors)).indices).toEqual(
        (await kernels.nearest(vectors)).indices,
      );
      await expect(scalar.nearest(new Float32Array(3).fill(Number.NaN))).rejects.toThrow("row 0");
      scalar.dispose();
      await expect(scalar.nearest(vectors)).rejects.toThrow("disposed of");
      kernels.dispose();
    }
  });

  test("says what is wrong with its arguments", async () => {
    const codebook = new Float32Array([1, 2, 3, 4]);
    const make = (options: object) => createSearch(codebook, { dim: 2, pool, ...options });
    await expect(make({ dim: 3 })).rejects.toThrow(
      "createSearch: codebook length: expected a multiple of dim 3, got 4",
    );
    await expect(make({ metric: "manhattan" })).rejects.toThrow("createSearch: metric");
    await expect(make({ threads: 2 })).rejects.toThrow('option "threads"');
    const search = await make({});
    await expect(search.nearest(new Float32Array(3))).rejects.toThrow("a multiple of dim 2");
    await expect(search.nearestTopK(codebook, 3)).rejects.toThrow("nearestTopK: k");
    await expect(search.setCodebook(new Float32Array(2))).rejects.toThrow("codebook length");
    expect((await search.nearest(new Float32Array(0))).indices).toHaveLength(0);
    search.dispose();
  });
});

describe("many of the nearest", () => {
  const cases: [rows: number, codes: number, dim: number, k: number][] = [
    [5, 33, 3, 33],
    [30, 300, 7, 48],
    [13, 500, 16, 49],
    [4, 1500, 5, 1500],
    [3, 5000, 2, 4096],
  ];
  test.for(cases)("%i rows, %i codes of %i numbers, k %i", async ([rows, codes, dim, k]) => {
    const next = random(codes);
    for (const metric of metrics) {
      for (const draw of [gaussians, integers]) {
        const [vectors, codebook] = [draw(rows * dim, next), draw(codes * dim, next)];
        const wanted = nearestReference(vectors, codebook, dim, metric, k);
        for (const on of [pool, threaded]) {
          const search = await createSearch(codebook, { dim, metric, pool: on });
          const { indices } = await search.nearestTopK(vectors, k);
          search.dispose();
          expect(indices, `${metric}, ${draw.name}`).toEqual(wanted.indices);
        }
      }
    }
  });

  test("more than there are, or than 4,096, is an error", async () => {
    const search = await createSearch(new Float32Array(5000), { dim: 1, pool });
    await expect(search.nearestTopK(Float32Array.of(1), 4097)).rejects.toThrow("at most 4096");
    search.dispose();
  });
});
