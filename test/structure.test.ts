/** The shape of the house: what no compiler and no linter holds. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "./support/paths.ts";

/** Hand-written sources of the packages, as paths from the root. */
const sources = readdirSync(join(root, "packages"), { recursive: true, encoding: "utf8" })
  .filter((path) => /^[^/]+\/src\/.*\.tsx?$/.test(path) && !/\.d\.ts$|\/binaries\//.test(path))
  .map((path) => `packages/${path}`)
  .sort();
const product = sources.filter((path) => !/\.test\.ts$|\/assembly\//.test(path));
const textOf = (path: string) => readFileSync(join(root, path), "utf8");

/** The files that a file imports or exports from, types included. */
function neighbours(path: string): string[] {
  const specifiers = [...textOf(path).matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)];
  return specifiers.map(([, specifier = ""]) =>
    relative(root, resolve(root, dirname(path), specifier)),
  );
}

/** Groups of files that reach each other by imports (Tarjan, 1972). */
function circles(files: readonly string[]): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const path: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): number => {
    const index = order.size;
    order.set(file, index);
    low.set(file, index);
    path.push(file);
    for (const next of neighbours(file)) {
      if (!order.has(next) && files.includes(next)) visit(next);
      if (path.includes(next)) low.set(file, Math.min(low.get(file)!, low.get(next)!));
    }
    if (low.get(file) === index) {
      const circle = path.splice(path.indexOf(file));
      if (circle.length > 1) found.push(circle.sort());
    }
    return low.get(file)!;
  };
  for (const file of files) if (!order.has(file)) visit(file);
  return found;
}

test("no files import each other in a circle, types included", () => {
  expect(circles(product)).toEqual([]);
});

test("no file has over 400 lines", () => {
  const long = sources.filter((path) => textOf(path).split("\n").length > 401);
  expect(long).toEqual([]);
});

test("no exported name has two meanings", () => {
  const declaration =
    /^export (?:declare |abstract |async )*(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm;
  const places = new Map<string, string[]>();
  for (const path of product) {
    for (const [, name = ""] of textOf(path).matchAll(declaration)) {
      places.set(name, [...(places.get(name) ?? []), path]);
    }
  }
  const double = [...places].filter(([, files]) => new Set(files).size > 1);
  expect(Object.fromEntries(double)).toEqual({});
});

describe("CONTRIBUTING", () => {
  const page = textOf("CONTRIBUTING.md");

  test("names every folder of the sources, and no other", () => {
    const layout = page.match(/## Layout\n+```\n([\s\S]*?)```/)?.[1] ?? "";
    const named = [...layout.matchAll(/[\w./-]+\//g)].map(([name]) => name.replace(/\/$/, ""));
    const top = "packages/vector-quantize/src";
    const folders = readdirSync(join(root, top), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    const rooms = readdirSync(join(root, top, "kernels"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    for (const folder of [...folders, ...rooms]) expect(named, folder).toContain(folder);
    const known = [...folders, ...rooms, "search/pruning", "binaries", "node", "vector-quantize"];
    const outside = named.filter(
      (name) =>
        !known.includes(name) && !/^(packages|bench|parity|test|docs|scripts|examples)/.test(name),
    );
    expect(outside).toEqual([]);
    expect(layout.split("\n").length).toBeLessThan(50); // a screen
  });
});
