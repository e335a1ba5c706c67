import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseNpy, writeNpy } from "vector-quantize/data";
import { createPool, kmeans } from "vector-quantize/kernels";
import {
  type CodeQuantizer,
  type CodeSearchOptions,
  type CodeSearchQuery,
  createCodeSearch,
  fitProductCodes,
  meanVector,
  rabitq,
} from "vector-quantize/search";
import { afterAll, describe, expect, test } from "vitest";
import { integers } from "../../../../test/support/kernelPools.ts";
import { contentsOf, runVq, temporaryFolder } from "../../../../test/support/vq.ts";

const folder = temporaryFolder();
const pool = createPool({ threads: 1 });
afterAll(() => {
  folder[Symbol.dispose]();
  pool.dispose();
});
const at = (name: string) => join(folder.path, name);
const [rows, dim, asked] = [3000, 12, 1100]; // queries are asked 1,024 at a time
const vectors = Float32Array.from({ length: rows * dim }, integers(1, -500, 500));
const queries = Float32Array.from({ length: asked * dim }, integers(2, -500, 500));

function save(name: string, shape: number[], data: Float32Array | Int8Array): string {
  writeFileSync(at(name), writeNpy({ shape, data }));
  return at(name);
}
const file = save("vectors.npy", [rows, dim], vectors);
const asking = save("queries.npy", [asked, dim], queries);

const vq = (line: string) => runVq(line.trim().split(/\s+/));

/** What a search made by the library finds. */
async function found(
  quantizer: CodeQuantizer,
  how: CodeSearchQuery,
  options: CodeSearchOptions = {},
) {
  const search = await createCodeSearch(vectors, quantizer, { ...options, pool });
  const { ids, distances } = await search.nearest(queries, how);
  search.dispose();
  return { ids, distances };
}

const read = (name: string) => parseNpy(readFileSync(at(name)));

test("an index of RaBitQ codes gives what the library's search gives, on any number of threads", async () => {
  const made = await vq(`index ${file} --out ${at("plain.vqi")} --threads 2`);
  expect(made.stderr).toBe(`${file}: 3,000 vectors of 12 numbers\n`);
  expect(made.stdout).toMatch(
    /plain\.vqi: 3,000 RaBitQ codes of 10 bytes: 4\d,\d{3} bytes, made in/,
  );
  const { code, stdout, stderr } = await vq(
    `search ${at("plain.vqi")} ${asking} --k 7 --out ${at("ids.npy")} --distances ${at("d.npy")}`,
  );
  expect([code, stderr]).toEqual([0, `${at("plain.vqi")}: 3,000 vectors of 12 numbers\n`]);
  expect(stdout).toMatch(
    /ids\.npy: \[1100, 7\], the nearest of each query, in [\d:]+, [\d,]+ queries a second\n$/,
  );
  const wanted = await found(rabitq({ dim, center: meanVector(vectors, dim), pool }), { k: 7 });
  expect(read("ids.npy")).toEqual({ shape: [asked, 7], data: wanted.ids });
  expect(read("d.npy")).toEqual({ shape: [asked, 7], data: wanted.distances });
});

test("product codes by a learned rotation, lists and vectors, for programs", {
  timeout: 120_000,
}, async () => {
  const made = await vq(
    `index ${file} --out ${at("parts.vqi")} --product 6 --bits 5 --rotation learned --metric cosine
      --cells 20 --keep-vectors --seed 3 --json`,
  );
  expect(made.stderr).toBe("");
  expect(JSON.parse(made.stdout)).toMatchObject({
    ...{ event: "indexed", vectors: rows, dim, type: "product", metric: "cosine", codeBytes: 6 },
    ...{ cells: 20, keepVectors: true, bytes: readFileSync(at("parts.vqi")).length },
  });
  const { stdout } = await vq(
    `search ${at("parts.vqi")} ${asking} --probes 3 --out ${at("ids.npy")} --json`,
  );
  expect(JSON.parse(stdout)).toMatchObject({
    event: "searched",
    queries: asked,
    k: 10,
    vectors: rows,
  });
  const options = { dim, metric: "cosine", seed: 3, pool } as const;
  const coder = await fitProductCodes(vectors, {
    ...{ ...options, parts: 6, codebookSize: 32, rotation: "learned" },
  });
  const { centroids } = await kmeans(vectors, { ...options, clusters: 20, iterations: 10 });
  const { ids } = await found(coder, { probes: 3 }, { cells: centroids, keepVectors: true });
  expect(read("ids.npy").data).toEqual(ids);
});

test("bytes, columns of a Parquet file, and fewer vectors than are asked for", async () => {
  const columns = new URL("../input/vectors/fixtures/columns.parquet", import.meta.url).pathname;
  const out = at("few.vqi");
  const made = await vq(`index ${columns} --columns a,c --bits 3 --metric dot --out ${out}`);
  expect(made.stdout).toContain("few.vqi: 4 RaBitQ codes of 22 bytes: ");
  const bytes = save("bytes.npy", [1, 2], Int8Array.of(-1, 0));
  await vq(`search ${out} ${bytes} --k 6 --out ${at("few.npy")} --distances ${at("far.npy")}`);
  // Columns a and c of row n are 0.75 n and 0.75 n + 0.5.
  expect([...read("few.npy").data]).toEqual([0, 1, 2, 3, -1, -1]);
  const far = read("far.npy").data;
  expect([...far].slice(4)).toEqual([Number.NaN, Number.NaN]);
  for (let n = 0; n < 4; n++) expect(far[n]).toBeCloseTo(0.75 * n, 0);
});

describe("wrong commands are one line, and change nothing", async () => {
  const one = await createCodeSearch(vectors.subarray(0, dim), rabitq({ dim, pool }), { pool });
  const { saveCodeSearch } = await import("vector-quantize/search");
  const whole = await saveCodeSearch(one);
  one.dispose();
  writeFileSync(at("one.vqi"), whole);
  writeFileSync(at("cut.vqi"), whole.subarray(0, -1));
  const damaged = whole.slice();
  damaged[damaged.length - 1]! ^= 1;
  writeFileSync(at("damaged.vqi"), damaged);
  const bad = queries.slice();
  bad[1030 * dim + 5] = Number.NaN;
  const late = save("late.npy", [asked, dim], bad);
  const narrow = save("narrow.npy", [2, 3], new Float32Array(6));
  const [out, ids] = [at("o.vqi"), at("o.npy")];

  test.each([
    [`index ${file} --out ${ids}`, 2, "--out: expected a .vqi file, got"],
    [`index ${file} --out ${out} --bits 9`, 2, "--bits: expected 1 to 8, got 9"],
    [
      `index ${file} --out ${out} --rotation learned`,
      2,
      "--rotation: expected --product beside it",
    ],
    [`index ${file} --out ${out} --product 5`, 1, "--product: expected a divisor of 12, got 5"],
    [`index ${file} --out ${out} --cells 3001`, 1, "expected at least as many as clusters, 3001"],
    [
      `index ${narrow} --out ${out} --product 3`,
      1,
      "fitProductCodes: vectors: expected at least 16",
    ],
    [
      `index ${late} --out ${out}`,
      1,
      "late.npy: row 1030: expected finite numbers of a size below",
    ],
    [
      `index ${file} --out ${join(at("none"), "o.vqi")}`,
      1,
      "expected to write the file, got no such",
    ],
    [`search ${at("one.vqi")} ${asking} --out ${out}`, 2, "--out: expected a .npy file, got"],
    [
      `search ${at("one.vqi")} ${asking} --out ${asking}`,
      2,
      "--out: expected another file than the",
    ],
    [
      `search ${at("one.vqi")} ${asking} --out ${ids} --distances ${ids}`,
      2,
      "--distances: expected another file than --out",
    ],
    [`search ${at("one.vqi")} ${asking} --out ${ids} --k 1001`, 2, "--k: expected 1 to 1000, got"],
    [
      `search ${at("one.vqi")} ${asking} --out ${ids} --probes 1`,
      1,
      "one.vqi: expected none, for the index has no lists, got 1",
    ],
    [
      `search ${at("one.vqi")} ${narrow} --out ${ids}`,
      1,
      `narrow.npy: expected [Q, 12], as ${at("one.vqi")} has, got [2, 3]`,
    ],
    [
      `search ${at("one.vqi")} ${late} --out ${ids}`,
      1,
      "late.npy: row 1030: expected finite numbers",
    ],
    [
      `search ${file} ${asking} --out ${ids}`,
      1,
      "vectors.npy: index file: expected bytes 86,81,73,1 at its start",
    ],
    [`search ${at("cut.vqi")} ${asking} --out ${ids}`, 1, "cut.vqi: index file: expected"],
    [
      `search ${at("damaged.vqi")} ${asking} --out ${ids}`,
      1,
      "damaged.vqi: index file: codes, piece 0",
    ],
    [`search ${folder.path} ${asking} --out ${ids}`, 1, "expected a readable file, got a folder"],
  ])("%s", async (line, code, message) => {
    const before = contentsOf(folder.path);
    const got = await vq(line);
    expect(got.stderr.trim().split("\n").at(-1)).toContain(message);
    expect([got.code, got.stdout]).toEqual([code, ""]);
    expect(contentsOf(folder.path)).toEqual(before);
    expect(existsSync(out)).toBe(false);
  });
});
