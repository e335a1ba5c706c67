/**
 * Index files: the same answers, and of damaged ones a clear error.
 *
 *     VQ_MUTATIONS=10000 npx vitest run packages/vector-quantize/src/codes/codeIndex.test.ts
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { normalNumbers as normal, numbers } from "../../../../test/support/numbers.ts";
import { VectorQuantizeError } from "../errors.ts";
import { createPool } from "../kernels/engine/createPool.ts";
import type { CodeSearch } from "../kernels/scan/codeSearch.ts";
import { createCodeSearch } from "../kernels/scan/createCodeSearch.ts";
import { fitProductCodes } from "../kernels/scan/fitProductCodes.ts";
import { rabitq } from "../kernels/scan/rabitq.ts";
import { openCodeSearch } from "./openCodeSearch.ts";
import { saveCodeSearch } from "./saveCodeSearch.ts";

const mutations = Number(process.env.VQ_MUTATIONS ?? 300);

/** Without checksums the checks behind them are reached. */
const sums = vi.hoisted(() => ({ checked: true }));
vi.mock("./bytes.ts", async (original) => {
  const bytes = await original<typeof import("./bytes.ts")>();
  const checkSum: typeof bytes.checkSum = (...call) => sums.checked && bytes.checkSum(...call);
  return { ...bytes, checkSum };
});
afterEach(() => {
  sums.checked = true;
});

const pool = createPool({ threads: 1 });
afterAll(() => pool.dispose());

const dim = 20;
const vectors = normal(150 * dim, 1);
const queries = normal(5 * dim, 2);

async function searches(): Promise<[string, CodeSearch][]> {
  const cells = normal(4 * dim, 3);
  const center = normal(dim, 4);
  const bytes = { dim, parts: 5, codebookSize: 100, rotation: "learned", pool } as const;
  return [
    ["rabitq", await createCodeSearch(vectors, rabitq({ dim, center, seed: 7, pool }), { pool })],
    [
      "rabitq of 3 bits in cells, with vectors",
      await createCodeSearch(vectors, rabitq({ dim, bits: 3, metric: "cosine", pool }), {
        pool,
        cells,
        keepVectors: true,
        ids: Int32Array.from({ length: 150 }, (_, i) => 3 * i),
      }),
    ],
    [
      "product codes of nibbles in cells",
      await createCodeSearch(vectors, await fitProductCodes(vectors, { dim, parts: 10, pool }), {
        pool,
        cells,
      }),
    ],
    [
      "product codes of bytes, turned",
      await createCodeSearch(vectors, await fitProductCodes(vectors, bytes), { pool }),
    ],
    ["nothing", await createCodeSearch(new Float32Array(0), rabitq({ dim, pool }), { pool })],
  ];
}

describe("a saved index", () => {
  test("gives the same answers, from bytes, a Blob, an open file and ranges", async () => {
    const folder = mkdtempSync(join(tmpdir(), "index-"));
    for (const [name, search] of await searches()) {
      await search.remove([3, 9, 30]);
      await search.add(normal(2 * dim, 5));
      const wanted = await search.nearest(queries);
      const bytes = await saveCodeSearch(search);
      expect(await saveCodeSearch(search), name).toEqual(bytes);
      const file = join(folder, "file.vqi");
      writeFileSync(file, bytes);
      const handle = await open(file);
      const read = (offset: number, length: number) => bytes.slice(offset, offset + length);
      for (const input of [bytes, new Blob([bytes]), handle, { size: bytes.length, read }]) {
        const again = await openCodeSearch(input, { pool });
        expect(await again.nearest(queries), name).toEqual(wanted);
        expect(again).toMatchObject({
          size: search.size,
          cells: search.cells,
          keepsVectors: search.keepsVectors,
        });
        expect(await saveCodeSearch(again)).toEqual(bytes);
        // Both go on alike.
        for (const each of again === search ? [] : [again]) await each.add(normal(dim, 6));
        expect((await again.nearest(normal(dim, 6), { k: 1 })).ids[0]).toBeGreaterThanOrEqual(0);
        again.dispose();
      }
      await handle.close();
      search.dispose();
    }
    rmSync(folder, { recursive: true });
  });

  test("is read without its vectors if so asked: then only the codes' bytes", async () => {
    const [, search] = (await searches())[1]!;
    const bytes = await saveCodeSearch(search);
    let taken = 0;
    const read = (offset: number, length: number) => {
      taken += length;
      return bytes.slice(offset, offset + length);
    };
    const again = await openCodeSearch({ size: bytes.length, read }, { vectors: false, pool });
    expect(again.keepsVectors).toBe(false);
    expect(taken).toBe(bytes.length - 4 * 150 * dim);
    const { ids } = await again.nearest(vectors.subarray(dim, 2 * dim), { k: 5, probes: 4 });
    expect(ids).toContain(3);
    again.dispose();
    search.dispose();
  });
});

describe("damaged index files", () => {
  for (const checked of [true, false]) {
    test(`give errors${checked ? "" : ", or an index; without checksums"}`, async () => {
      const files: Uint8Array<ArrayBuffer>[] = [];
      for (const [, search] of await searches()) {
        files.push(await saveCodeSearch(search));
        await search.nearest(queries, { k: 3 }); // what threads work in is kept
        search.dispose();
      }
      await pool.exclusive(() => {});
      const before = pool.memory.used;
      sums.checked = checked;
      const draw = numbers(checked ? 1 : 2);
      for (let i = 0; i < mutations; i++) {
        const whole = files[i % files.length]!;
        const file = mutated(whole, draw);
        if (file.length === whole.length && file.every((byte, at) => byte === whole[at])) continue;
        try {
          const search = await openCodeSearch(file, { pool });
          expect(checked, "a damaged file was taken").toBe(false);
          const asking = search.nearest(queries, { k: 3 });
          const { distances } = await asking.finally(() => search.dispose());
          expect(distances.length).toBe(15);
        } catch (error) {
          expect(error).toBeInstanceOf(VectorQuantizeError);
          expect((error as Error).message.length).toBeLessThan(300);
        }
      }
      await pool.exclusive(() => {});
      expect(pool.memory.used).toBe(before);
    }, 600_000);
  }
});

/** A file with something changed, cut off, put in or swapped; mostly at its front, where the header is. */
function mutated(file: Uint8Array, draw: (below: number) => number): Uint8Array<ArrayBuffer> {
  let bytes = [...file];
  for (let times = 1 + draw(3); times > 0; times--) {
    const at = draw(draw(2) ? Math.min(600, bytes.length) : bytes.length);
    const kind = draw(6);
    if (kind === 0) bytes = bytes.slice(0, at);
    else if (kind === 1) bytes.splice(at, 0, draw(256));
    else if (kind === 2) bytes.splice(at, 1 + draw(4));
    else if (kind === 3) bytes[at] = 48 + draw(10);
    else bytes[at] = (bytes[at] ?? 0) ^ (1 << draw(8));
  }
  return Uint8Array.from(bytes);
}
