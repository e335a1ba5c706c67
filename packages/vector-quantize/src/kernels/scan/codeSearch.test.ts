import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { testPools, withoutKernels } from "../../../../../test/support/kernelPools.ts";
import { normalNumbers as normal } from "../../../../../test/support/numbers.ts";
import type { Pool } from "../engine/pool.ts";
import { createSearch } from "../search/createSearch.ts";
import { createCells } from "./coarseCells.ts";
import { ReferenceEngine } from "./codeEngine.reference.ts";
import type { CodeEngine } from "./codeEngine.ts";
import type { ScanCoder } from "./codeQuantizer.ts";
import type { CodeSearch } from "./codeSearch.ts";
import { createCodeSearch, scanCoder } from "./createCodeSearch.ts";
import { HeldCodes } from "./heldCodes.ts";
import { productCodes } from "./productCodes.ts";
import { rabitq } from "./rabitq.ts";

const pools = testPools();
const { pool } = pools[0]!;
afterAll(() => {
  for (const each of pools) each.pool.dispose();
});

/** What a search is made of. */
interface Setting {
  readonly coder: ScanCoder;
  readonly vectors: Float32Array;
  readonly ids?: Int32Array;
  readonly keepVectors: boolean;
  readonly cells?: Float32Array;
}

async function reference(setting: Setting): Promise<CodeSearch> {
  const { coder, vectors, ids, keepVectors, cells } = setting;
  const coarse = cells && (await createCells(cells, coder, pool));
  const engine: CodeEngine = new ReferenceEngine(coder, {
    cells: coarse?.count ?? 1,
    keepsVectors: keepVectors,
  });
  const search = new HeldCodes(coder, engine, keepVectors, coarse);
  await search.take("test", vectors, ids);
  return search;
}

function onKernels({ coder, vectors, ...options }: Setting, on: Pool): Promise<CodeSearch> {
  const { ids, keepVectors, cells } = options;
  return createCodeSearch(vectors, coder, {
    keepVectors,
    pool: on,
    ...(ids && { ids }),
    ...(cells && { cells }),
  });
}

const quantizers = fc.oneof(
  fc.record({
    type: fc.constant("rabitq" as const),
    dim: fc.integer({ min: 1, max: 70 }),
    bits: fc.integer({ min: 1, max: 8 }),
    centered: fc.boolean(),
  }),
  fc.record({
    type: fc.constant("product" as const),
    parts: fc.integer({ min: 1, max: 9 }),
    width: fc.integer({ min: 1, max: 5 }),
    codebookSize: fc.constantFrom(1, 2, 7, 16, 17, 200, 256),
    turned: fc.boolean(),
  }),
);

const settings = fc.record({
  quantizer: quantizers,
  metric: fc.constantFrom("euclidean" as const, "dot" as const, "cosine" as const),
  rows: fc.integer({ min: 0, max: 200 }),
  queries: fc.integer({ min: 1, max: 20 }),
  k: fc.integer({ min: 1, max: 40 }),
  keepVectors: fc.boolean(),
  cells: fc.integer({ min: 0, max: 5 }),
  filtered: fc.boolean(),
  few: fc.boolean(),
  sameIds: fc.boolean(),
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
});

type Drawn = typeof settings extends fc.Arbitrary<infer T> ? T : never;

function settingOf({ quantizer, metric, rows, keepVectors, cells, sameIds, seed }: Drawn): Setting {
  const dim = quantizer.type === "rabitq" ? quantizer.dim : quantizer.parts * quantizer.width;
  const made =
    quantizer.type === "rabitq"
      ? rabitq({
          dim,
          bits: quantizer.bits,
          metric,
          seed: seed % 1000,
          ...(quantizer.centered && { center: normal(dim, seed + 1) }),
        })
      : productCodes({
          dim,
          parts: quantizer.parts,
          metric,
          codebooks: normal(quantizer.codebookSize * dim, seed + 2),
          ...(quantizer.turned && { rotation: normal(dim * dim, seed + 3) }),
        });
  return {
    coder: scanCoder("test", made),
    vectors: normal(rows * dim, seed),
    keepVectors,
    ...(cells > 0 && { cells: normal(cells * dim, seed + 4) }),
    ...(sameIds && { ids: Int32Array.from({ length: rows }, (_, i) => i >> 2) }),
  };
}

describe("a search in codes", () => {
  test("gives the bits of its reference, in both forms, for any threads and batches", async () => {
    await fc.assert(
      fc.asyncProperty(settings, async (drawn) => {
        const setting = settingOf(drawn);
        const { dim } = setting.coder;
        const queries = normal(drawn.queries * dim, drawn.seed + 5);
        const { k, filtered, cells, few } = drawn;
        const options = {
          k,
          ...(few && { candidates: k }),
          ...(filtered && { filter: (id: number) => id % 3 !== 1 }),
          ...(cells > 0 && { probes: Math.min(cells, 3) }),
        };
        const wanted = await (await reference(setting)).nearest(queries, options);
        for (const { pool: on } of pools) {
          const search = await onKernels(setting, on);
          try {
            expect(await search.nearest(queries, options)).toEqual(wanted);
            const last = await search.nearest(queries.subarray(queries.length - dim), options);
            expect(last.ids).toEqual(wanted.ids.slice(wanted.ids.length - k));
            expect(last.distances).toEqual(wanted.distances.slice(wanted.ids.length - k));
          } finally {
            search.dispose();
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("of thousands of codes is parted among threads, and gives the same", async () => {
    for (const make of [() => rabitq({ dim: 16 }), () => bytesOf(4), () => nibblesOf(8)]) {
      const coder = scanCoder("test", make());
      const vectors = normal(7000 * coder.dim, 3);
      // The farthest first: every code is nearer than all before it.
      const lengths = vectors.map((value, i) => value * (1 - Math.floor(i / coder.dim) / 7100));
      const setting = { coder, vectors: lengths, keepVectors: false };
      const queries = normal(5 * coder.dim, 4).map((value) => value / 100);
      const options = { k: 30 };
      const plainly = await reference(setting);
      const wanted = await plainly.nearest(queries, options);
      const many = await plainly.nearest(queries, { k: 256 });
      for (const { name, pool: on } of pools) {
        const search = await onKernels(setting, on);
        expect(await search.nearest(queries, options), name).toEqual(wanted);
        expect(await search.nearest(queries, { k: 256 }), name).toEqual(many);
        for (const one of [0, 4]) {
          const query = queries.subarray(one * coder.dim, (one + 1) * coder.dim);
          const { ids } = await search.nearest(query, options);
          expect(ids).toEqual(wanted.ids.slice(30 * one, 30 * one + 30));
        }
        search.dispose();
      }
    }
  });

  test("does not depend on the sample that tells how near the last will be", async () => {
    const coder = scanCoder("test", rabitq({ dim: 16 }));
    // One block in 32 is far nearer than all others, and is the sample.
    const vectors = normal(8000 * 16, 3).map((value, i) =>
      (i >> 9) % 32 === 0 ? value / 99 : value,
    );
    const setting = { coder, vectors, keepVectors: false };
    const queries = normal(3 * 16, 4).map((value) => value / 100);
    const wanted = await (await reference(setting)).nearest(queries, { k: 300 });
    const search = await onKernels(setting, pool);
    expect(await search.nearest(queries, { k: 300 })).toEqual(wanted);
    search.dispose();
  });

  test("finds the nearest vectors themselves among enough candidates", async () => {
    const vectors = normal(3000 * 24, 5);
    const queries = normal(20 * 24, 6);
    for (const metric of ["euclidean", "dot", "cosine"] as const) {
      const exact = await createSearch(vectors, { dim: 24, metric, pool });
      const { indices } = await exact.nearestTopK(queries, 10);
      const made = rabitq({ dim: 24, metric, pool });
      const search = await createCodeSearch(vectors, made, { pool, keepVectors: true });
      const found = await search.nearest(queries, { k: 10, candidates: 3000 });
      expect(found.ids).toEqual(indices);
      const most = await search.nearest(queries, { k: 10 });
      const near = (i: number) => indices.subarray(i - (i % 10), i - (i % 10) + 10);
      const right = most.ids.filter((id, i) => near(i).includes(id)).length;
      expect(right).toBeGreaterThan(160); // of 200
      exact.dispose();
      search.dispose();
    }
  });
});

const bytesOf = (dim: number) =>
  productCodes({ dim, parts: dim, codebooks: normal(dim * 100, 8), pool });
const nibblesOf = (dim: number) =>
  productCodes({ dim, parts: dim / 2, codebooks: normal(dim * 16, 9), pool });

test("codes are the same without kernels", async () => {
  const coders = [1, 2, 5, 8].flatMap((bits) =>
    (["euclidean", "dot", "cosine"] as const).map((metric) =>
      rabitq({ dim: 37, bits, metric, center: normal(37, 7), pool }),
    ),
  );
  const turned = productCodes({
    dim: 20,
    parts: 5,
    metric: "cosine",
    codebooks: normal(20 * 30, 1),
    rotation: normal(400, 2),
    pool,
  });
  for (const coder of [...coders, turned, nibblesOf(12)]) {
    const vectors = normal(50 * coder.dim, 10);
    vectors.fill(0, 0, coder.dim);
    const codes = await coder.encode(vectors);
    expect(codes.length).toBe(50 * coder.bytes);
    expect(await withoutKernels(() => coder.encode(vectors))).toEqual(codes);
  }
});

test("all calls give the same without kernels", async () => {
  const all = async () => {
    const made = rabitq({ dim: 12, bits: 3, pool });
    const cells = normal(3 * 12, 2);
    const search = await createCodeSearch(normal(90 * 12, 1), made, { pool, cells });
    await search.add(normal(12, 3), Int32Array.of(1000));
    const removed = await search.remove([5, 6, 1000, 2000]);
    const found = await search.nearest(normal(4 * 12, 4), { k: 7, probes: 2 });
    const { size } = search;
    search.dispose();
    return { removed, found, size };
  };
  const wanted = await withoutKernels(all);
  expect(wanted).toMatchObject({ removed: 3, size: 88 });
  const { found, ...rest } = await all();
  expect(rest).toMatchObject({ removed: 3, size: 88 });
  expect(found.ids).toEqual(wanted.found.ids);
  // How far centers are is summed in float32 on the kernels, in float64 without.
  for (const [i, distance] of found.distances.entries()) {
    expect(distance).toBeCloseTo(wanted.found.distances[i]!, 4);
  }
});
