/** `.vq` files of every version of the format: they are read, and give what was written. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  createRdoEncoder,
  openPrior,
  openVq,
  trainPrior,
  type VqPicture,
  vqBytes,
} from "vector-quantize/codes";
import { describe, expect, test } from "vitest";
import { browserTest, withPage } from "../browser/withPage.ts";
import { root } from "../support/paths.ts";
import { vqCases } from "./vq/cases.ts";

const folder = join(root, "test/golden/vq");
const versions = readdirSync(folder).filter((name) => /^\d+$/.test(name));
const cases = vqCases();
const read = (version: string, name: string) => readFileSync(join(folder, version, `${name}.vq`));

describe.each(versions)("files of version %s", (version) => {
  test.each(Object.keys(cases))("%s", async (name) => {
    const { layers, pictures } = cases[name]!;
    const prior = version === "1" ? undefined : openPrior(read(version, `${name}.prior`));
    const file = await openVq(read(version, name), prior && { prior });
    expect(file.damage).toEqual([]);
    const named = prior && { prior: prior.name };
    expect(file.header).toEqual({ layers, model: "golden", ...named });
    const found: VqPicture[] = [];
    for await (const picture of file.pictures()) found.push(picture);
    expect(found).toEqual(pictures);
  });
});

/** The files as they are written today, by their names in the folder. Its text also runs in a page. */
async function written(
  all: typeof cases,
  { trainPrior, vqBytes }: typeof import("vector-quantize/codes"),
): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  for (const [name, { layers, pictures }] of Object.entries(all)) {
    const options = { layers, groupPositions: 512, model: "golden" };
    files[`1/${name}.vq`] = await vqBytes(pictures, options);
    const prior = await trainPrior(pictures, { layers, model: "golden" });
    files[`2/${name}.prior.vq`] = prior.bytes;
    files[`2/${name}.vq`] = await vqBytes(pictures, { ...options, prior });
  }
  return files;
}

test("the same files are written today, to the byte", async () => {
  const files = await written(cases, { trainPrior, vqBytes } as never);
  for (const [name, bytes] of Object.entries(files)) {
    expect(Buffer.compare(bytes, readFileSync(join(folder, name))), name).toBe(0);
  }
});

browserTest("and in a page", async () => {
  const script = `
    const files = await (${written})((${vqCases})(), await import("vector-quantize/codes"));
    const hashes = {};
    for (const [name, bytes] of Object.entries(files)) {
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      hashes[name] = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    }
    return hashes;
  `;
  const hashes = (await withPage({ isolated: false }, ({ run }) => run(script))) as object;
  const hash = (name: string) =>
    createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex");
  const names = Object.keys(cases).flatMap((name) => [
    ...[`1/${name}.vq`, `2/${name}.prior.vq`, `2/${name}.vq`],
  ]);
  expect(hashes).toEqual(Object.fromEntries(names.map((name) => [name, hash(name)])));
});

/** Codes that are chosen for their bits too. Its text also runs in a page. */
async function chosen({ createRdoEncoder }: typeof import("vector-quantize/codes")) {
  let state = 7;
  const draw = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296 - 0.5;
  };
  const some = (count: number) => Float32Array.from({ length: count }, draw);
  const layers = [{ size: 300 }, { size: 60, levels: [4, 3, 5] }];
  const codebooks = layers.map(({ size }) => some(size * 6));
  const encoder = await createRdoEncoder({ layers, codebooks, dim: 6, lambda: 0.1 });
  const codes = [
    await encoder.encode(some(2000 * 6), [40, 50]),
    await encoder.encode(some(600), [100]),
  ];
  encoder.dispose();
  let hash = 0;
  for (const code of codes.flatMap((one) => [...one])) hash = (Math.imul(hash, 31) + code) | 0;
  return hash;
}

/** Another is another choice: files of the same pictures would change. */
const chosenHash = -1606250320;

test("the same codes are chosen for their bits", async () => {
  expect(await chosen({ createRdoEncoder } as never)).toBe(chosenHash);
});

browserTest("and in a page, with threads and without", async () => {
  for (const isolated of [true, false]) {
    const script = `return (${chosen})(await import("vector-quantize/codes"));`;
    expect(await withPage({ isolated }, ({ run }) => run(script))).toBe(chosenHash);
  }
});
