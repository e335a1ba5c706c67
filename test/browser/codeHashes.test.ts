import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { packageRoot, root } from "../support/paths.ts";
import { browserTest, withPage } from "./withPage.ts";

const read = (path: string) => readFileSync(join(root, path), "utf8");
const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
const recorded = JSON.parse(read("test/golden/codeHashes.json"))[version];

/** In software each shader takes a second to compile: by `WEBGPU_VECTORS` alone all quantizers run on it. */
const every = process.env.WEBGPU_VECTORS === undefined ? 4 : 1;

const program = (device?: string) => `
  ${read("test/golden/codeHashes.mjs").replace("export async", "async")}
  const jax = await import("@jax-js/jax");
  if (!(await jax.init()).includes("${device ?? "wasm"}")) throw new Error("no ${device}");
  return codeHashes(await import("vector-quantize"), jax, ${JSON.stringify(device)}, ${device ? every : 1});
`;

for (const isolated of [true, false]) {
  browserTest(`a page ${isolated ? "with" : "without"} threads has the same codes`, async () => {
    await withPage({ isolated }, async ({ run }) => {
      expect(await run(program())).toEqual(recorded);
    });
  });
}

browserTest("a page has the same codes on WebGPU", async () => {
  await withPage({ isolated: true, webgpu: true }, async ({ run }) => {
    const found = await run<Record<string, string>>(program("webgpu"));
    expect(recorded).toMatchObject(found);
    expect(Object.keys(found)).toHaveLength(Math.ceil(Object.keys(recorded).length / every));
  });
});
