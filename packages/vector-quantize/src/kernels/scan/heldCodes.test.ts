import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { normalNumbers as normal } from "../../../../../test/support/numbers.ts";
import { openCodeSearch } from "../../codes/openCodeSearch.ts";
import { saveCodeSearch } from "../../codes/saveCodeSearch.ts";
import { createPool } from "../engine/createPool.ts";
import { createCodeSearch } from "./createCodeSearch.ts";
import { productCodes } from "./productCodes.ts";
import { rabitq } from "./rabitq.ts";
import { meanVector } from "./vectors.ts";

const pool = createPool({ threads: 1 });
afterAll(() => pool.dispose());

describe("adding and removing", () => {
  test("in any order give what the rest would by itself", async () => {
    const operations = fc.array(
      fc.oneof(
        fc.record({ add: fc.integer({ min: 0, max: 90 }) }),
        fc.record({ remove: fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 60 }) }),
      ),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(
        operations,
        fc.boolean(),
        fc.boolean(),
        async (all, keepVectors, inCells) => {
          const dim = 9;
          const coder = rabitq({ dim, pool });
          const options = { pool, keepVectors, ...(inCells && { cells: normal(4 * dim, 11) }) };
          const search = await createCodeSearch(new Float32Array(0), coder, options);
          let rest: { id: number; vector: Float32Array }[] = [];
          let next = 0;
          for (const operation of all) {
            if ("add" in operation) {
              const vectors = normal(operation.add * dim, next + 1);
              await search.add(vectors);
              for (let i = 0; i < operation.add; i++) {
                rest.push({ id: next++, vector: vectors.slice(i * dim, (i + 1) * dim) });
              }
            } else {
              const gone = new Set(operation.remove);
              const before = rest.length;
              rest = rest.filter(({ id }) => !gone.has(id));
              expect(await search.remove(operation.remove)).toBe(before - rest.length);
            }
          }
          expect(search.size).toBe(rest.length);
          const left = Float32Array.from(rest.flatMap(({ vector }) => [...vector]));
          const ids = Int32Array.from(rest, ({ id }) => id);
          const anew = await createCodeSearch(left, coder, { ...options, ids });
          const queries = normal(3 * dim, 12);
          expect(await search.nearest(queries)).toEqual(await anew.nearest(queries));
          search.dispose();
          anew.dispose();
        },
      ),
      { numRuns: 40 },
    );
  });

  test("gives ids on after the largest", async () => {
    const vectors = normal(5 * 4, 1);
    const search = await createCodeSearch(vectors, rabitq({ dim: 4, pool }), {
      pool,
      keepVectors: true,
      ids: Int32Array.of(3, 9, 1, 1, 0),
    });
    await search.add(vectors.subarray(0, 4).map((value) => 2 * value));
    const { ids } = await search.nearest(
      vectors.subarray(0, 4).map((value) => 2 * value),
      { k: 9 },
    );
    expect(ids[0]).toBe(10);
    expect([...ids].sort((a, b) => a - b)).toEqual([-1, -1, -1, 0, 1, 1, 3, 9, 10]);
    search.dispose();
  });

  test("is done in the order of the calls, though nobody waits, and so is saving", async () => {
    const vectors = normal(6 * 4, 1);
    const search = await createCodeSearch(new Float32Array(0), rabitq({ dim: 4, pool }), { pool });
    const added = search.add(vectors);
    const removed = search.remove([0, 1]);
    const saved = saveCodeSearch(search);
    const last = search.add(vectors);
    expect(await removed).toBe(2);
    const again = await openCodeSearch(await saved, { pool });
    await Promise.all([added, last]);
    expect([again.size, search.size]).toEqual([4, 10]);
    search.dispose();
    again.dispose();
  });

  test("codes can be given in place of vectors", async () => {
    const vectors = normal(70 * 20, 1);
    const coder = rabitq({ dim: 20, pool });
    const codes = await coder.encode(vectors);
    const search = await createCodeSearch(codes.subarray(0, 40 * coder.bytes), coder, { pool });
    await search.add(codes.subarray(40 * coder.bytes));
    const other = await createCodeSearch(vectors, coder, { pool });
    const queries = normal(2 * 20, 2);
    expect(await search.nearest(queries)).toEqual(await other.nearest(queries));
    search.dispose();
    other.dispose();
  });
});

test("a filter by bits is one by a function", async () => {
  const search = await createCodeSearch(normal(500 * 8, 1), rabitq({ dim: 8, pool }), { pool });
  const bits = new Uint8Array(40).map((_, i) => (i * 37) & 255); // ids from 320 on have none
  const allows = (id: number) => id < 320 && (bits[id >> 3]! & (1 << (id & 7))) !== 0;
  const queries = normal(3 * 8, 2);
  const found = await search.nearest(queries, { k: 200, filter: bits });
  expect(found).toEqual(await search.nearest(queries, { k: 200, filter: allows }));
  const own = [...found.ids.subarray(0, 200)].filter((id) => id >= 0);
  expect(own.every(allows)).toBe(true);
  expect(own.length).toBe(Array.from({ length: 500 }, (_, id) => id).filter(allows).length);
  search.dispose();
});

test("memory is given back, after an error too", async () => {
  await pool.exclusive(() => {});
  const before = pool.memory.used;
  const made = rabitq({ dim: 8, pool });
  const cells = normal(3 * 8, 1);
  const search = await createCodeSearch(normal(100 * 8, 1), made, {
    pool,
    cells,
    keepVectors: true,
  });
  await search.remove([1, 2, 3]);
  await search.nearest(normal(8, 3));
  search.dispose();
  search.dispose();
  await expect(createCodeSearch(Float32Array.of(Number.NaN), made, { pool })).rejects.toThrow();
  const bad = Int32Array.of(-1);
  const failing = createCodeSearch(normal(8, 1), made, { pool, cells, ids: bad });
  await expect(failing).rejects.toThrow("ids: expected integers from 0 to 2147483646, got -1");
  await pool.exclusive(() => {});
  expect(pool.memory.used).toBe(before);
});

test("what is under way when a search is disposed of is an error, and holds no memory", async () => {
  await pool.exclusive(() => {});
  const before = pool.memory.used;
  const cells = normal(3 * 8, 1);
  const search = await createCodeSearch(normal(90 * 8, 1), rabitq({ dim: 8, pool }), {
    pool,
    cells,
  });
  const calls = [search.add(normal(8, 2)), search.remove([1]), search.nearest(normal(8, 3))];
  search.dispose();
  for (const { status, reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[]) {
    expect([status, String(reason)]).toEqual([
      "rejected",
      expect.stringContaining("one that is in use"),
    ]);
  }
  await pool.exclusive(() => {});
  expect(pool.memory.used).toBe(before);
});

test.each([true, false])(
  "cosines of the shortest vectors are those of zeros; kept: %s",
  async (keepVectors) => {
    const vectors = normal(20 * 8, 1);
    vectors.subarray(0, 8).fill(1e-40);
    vectors.subarray(8, 16).fill(0);
    const made = rabitq({
      dim: 8,
      metric: "cosine",
      center: meanVector(vectors, 8, "cosine"),
      pool,
    });
    const search = await createCodeSearch(vectors, made, { pool, keepVectors });
    const found = await search.nearest(vectors.subarray(0, 16), { k: 20 });
    expect(found.distances.findIndex(Number.isNaN)).toBe(-1);
    expect([...found.ids.subarray(0, 20)].sort((a, b) => a - b)).toEqual([...Array(20).keys()]);
    expect(found.ids.subarray(20)).toEqual(found.ids.subarray(0, 20));
    search.dispose();
  },
);

describe("wrong calls", () => {
  const made = rabitq({ dim: 4, pool });
  const vectors = normal(40, 1);
  const search = () => createCodeSearch(vectors, made, { pool, keepVectors: true });
  const asking = async (queries: unknown, options?: object) => {
    const made = await search();
    try {
      return await made.nearest(queries as Float32Array, options);
    } finally {
      made.dispose();
    }
  };
  const query = normal(4, 2);
  const calls: [string, () => unknown, string][] = [
    ["dim", () => rabitq({ dim: 0 }), "rabitq: dim: expected an integer of at least 1, got 0"],
    ["bits", () => rabitq({ dim: 4, bits: 9 }), "rabitq: bits: expected at most 8, got 9"],
    ["center", () => rabitq({ dim: 4, center: normal(3, 1) }), "center: expected 4 numbers, got 3"],
    ["option", () => rabitq({ dim: 4, bit: 1 } as never), "expected one of dim, bits"],
    [
      "parts",
      () => productCodes({ dim: 4, parts: 3, codebooks: vectors }),
      "productCodes: parts: expected a divisor of dim 4, got 3",
    ],
    [
      "codebooks",
      () => productCodes({ dim: 4, parts: 2, codebooks: normal(4 * 257, 1) }),
      "productCodes: codebooks: expected 2 x K x 2 numbers, K 1 to 256, got 1028",
    ],
    [
      "NaN",
      () => made.encode(Float32Array.of(0, 0, Number.NaN, 0)),
      "row 0: expected finite numbers",
    ],
    ["large", () => made.encode(new Float32Array(4).fill(2 ** 50)), "got 1125899906842624"],
    [
      "quantizer",
      () => createCodeSearch(vectors, { dim: 4 } as never),
      "quantizer: expected one from rabitq or productCodes, got Object",
    ],
    [
      "no codes",
      () => createCodeSearch(new Uint8Array(11), made),
      "codes length: expected a multiple of 10 bytes, got 11",
    ],
    [
      "codes for vectors",
      () => createCodeSearch(new Uint8Array(10), made, { keepVectors: true }),
      "expected a Float32Array of vectors, for vectors are kept, got Uint8Array",
    ],
    [
      "codes of others",
      () => createCodeSearch(new Uint8Array(10).fill(255), made),
      "code 0: expected finite factors, got NaN",
    ],
    [
      "codes out of bounds",
      () =>
        createCodeSearch(
          Uint8Array.of(3),
          productCodes({ dim: 1, parts: 1, codebooks: normal(3, 1) }),
        ),
      "code 0, part 0: expected 0 ... 2, got 3",
    ],
    ["k", () => asking(query, { k: 1001 }), "nearest: k: expected at most 1000, got 1001"],
    ["candidates", () => asking(query, { k: 5, candidates: 4 }), "an integer of at least 5, got 4"],
    ["probes", () => asking(query, { probes: 1 }), "probes: expected none without cells, got 1"],
    [
      "filter",
      () => asking(query, { filter: [1] }),
      "expected a function of an id, or a Uint8Array",
    ],
    [
      "filter's answer",
      () => asking(query, { filter: async () => false }),
      "nearest: filter: expected true or false, got Promise",
    ],
    ["queries", () => asking(normal(5, 1)), "length: expected a multiple of dim 4, got 5"],
    ["infinity", () => asking(query.map(() => Number.POSITIVE_INFINITY)), "got Infinity"],
    ["list", () => asking([1, 2, 3, 4]), "expected a Float32Array, got [1, 2, 3, 4]"],
    [
      "ids",
      async () => (await search()).add(query, Int32Array.of(1, 2)),
      "expected 1 of them, got 2",
    ],
    ["removed", async () => (await search()).remove(3 as never), "expected a list of ids, got 3"],
  ];

  test.for(calls)("%s", async ([, call, message]) => {
    await expect((async () => call())()).rejects.toThrow(message);
  });

  test("leave the search as it was", async () => {
    const made = await search();
    const before = await made.nearest(query);
    await expect(made.add(Float32Array.of(1, 2, 3, Number.NaN))).rejects.toThrow("row 0");
    await expect(
      made.nearest(query, {
        filter: () => {
          throw new Error("mine");
        },
      }),
    ).rejects.toThrow("mine");
    expect(made.size).toBe(10);
    expect(await made.nearest(query)).toEqual(before);
    await made.add(query);
    expect((await made.nearest(query, { k: 1 })).ids[0]).toBe(10);
    made.dispose();
    await expect(made.nearest(query)).rejects.toThrow("one that is in use");
  });
});
