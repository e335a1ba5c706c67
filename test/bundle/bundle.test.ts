/** What a page loads for one function, beside jax-js. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Metafile } from "esbuild";
import { describe, expect, test } from "vitest";
import { packageRoot, root } from "../support/paths.ts";

interface Budget {
  readonly from: string;
  /** KB, gzipped, of what is loaded before anything is called. */
  readonly now: number;
}

const budgets: Record<string, Budget> = JSON.parse(
  readFileSync(join(root, "test/bundle/budgets.json"), "utf8"),
);
const { exports } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));

/** The files that a page gets for `contents`, minified: at once, and when they are first needed. */
async function bundle(contents: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    format: "esm",
    minify: true,
    splitting: true,
    platform: "browser",
    outdir: join(root, "bundle"),
    write: false,
    external: ["@jax-js/jax"],
    metafile: true,
  });
  const sizes = new Map(outputFiles.map(({ path, contents }) => [path, gzipSync(contents).length]));
  const sizeOf = (file: string) => (sizes.get(join(root, file)) ?? 0) / 1024;
  const { outputs } = metafile;
  const first = Object.keys(outputs).find((file) => outputs[file]?.entryPoint === "<stdin>");
  const now = reached(outputs, first ?? "");
  const later = Object.keys(outputs).filter((file) => !now.includes(file));
  const sum = (files: string[]) => files.reduce((total, file) => total + sizeOf(file), 0);
  return { now: sum(now), later: Object.fromEntries(later.map((file) => [file, sizeOf(file)])) };
}

/** A file and all that it imports, but for what it imports when it is called. */
function reached(outputs: Metafile["outputs"], file: string): string[] {
  const found = new Set([file]);
  for (const next of found) {
    for (const { path, kind } of outputs[next]?.imports ?? []) {
      if (kind === "import-statement" && path in outputs) found.add(path);
    }
  }
  return [...found];
}

describe("a page that imports one function loads no more than its budget", () => {
  test.for(Object.entries(budgets))("%s", async ([name, { from, now: most }]) => {
    const { now } = await bundle(`export { ${name} } from "${from}";`);
    expect(now).toBeLessThan(most);
    expect(now, "the budget is out of date").toBeGreaterThan(most * 0.8);
  });
});

test("every entrance has a budget", () => {
  const entrances = Object.keys(exports).map((path) => join("vector-quantize", path));
  const budgeted = Object.values(budgets).map(({ from }) => from);
  expect(entrances.filter((path) => path !== "vector-quantize/node")).toEqual(
    entrances.filter((path) => budgeted.includes(path)),
  );
});

test("kernels are loaded when they are first called", async () => {
  const { later } = await bundle(`export { createSearch } from "vector-quantize/kernels";`);
  const search = Object.entries(later).filter(([file]) => file.includes("search."));
  expect(search.map(([file]) => file.match(/search\.(plain|relaxed)/)?.[1]).sort()).toEqual([
    "plain",
    "relaxed",
  ]);
  for (const [file, size] of search) expect(size, file).toBeLessThan(26);
});
