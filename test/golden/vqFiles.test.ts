/** `.vq` files of every version of the format: they are read, and give what was written. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openVq, type VqPicture, vqBytes } from "vector-quantize/codes";
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
    const file = await openVq(read(version, name));
    expect(file.damage).toEqual([]);
    expect(file.header).toEqual({ layers, model: "golden" });
    const found: VqPicture[] = [];
    for await (const picture of file.pictures()) found.push(picture);
    expect(found).toEqual(pictures);
  });
});

/** What the golden files of the newest version were written with. */
const options = { groupPositions: 512, model: "golden" };

test("the same files are written today, to the byte", async () => {
  for (const [name, { layers, pictures }] of Object.entries(cases)) {
    const bytes = await vqBytes(pictures, { layers, ...options });
    expect(Buffer.compare(bytes, read(versions.at(-1)!, name)), name).toBe(0);
  }
});

browserTest("and in a page", async () => {
  const script = `
    const { vqBytes } = await import("vector-quantize/codes");
    const hashes = {};
    for (const [name, { layers, pictures }] of Object.entries((${vqCases})())) {
      const bytes = await vqBytes(pictures, { layers, ...${JSON.stringify(options)} });
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      hashes[name] = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    }
    return hashes;
  `;
  const hashes = await withPage({ isolated: false }, ({ run }) => run(script));
  const hash = (name: string) =>
    createHash("sha256")
      .update(read(versions.at(-1)!, name))
      .digest("hex");
  expect(hashes).toEqual(Object.fromEntries(Object.keys(cases).map((name) => [name, hash(name)])));
});
