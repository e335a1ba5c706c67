/** Rules of the repository that no compiler holds. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { packageRoot, root } from "./support/paths.ts";

const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
const entries = Object.entries<Record<string, string>>(manifest.exports);

/** The source file of a built one: `./dist/a.js` comes from `src/a.ts`. */
const sourceOf = (built: string) =>
  join(packageRoot, built.replace("./dist/", "src/").replace(/\.js$/, ".ts"));

test("the core package depends on jax-js and on nothing else", () => {
  expect(Object.keys(manifest.dependencies)).toEqual(["@jax-js/jax"]);
  expect(Object.keys(manifest.peerDependencies)).toEqual(["webgpu"]);
  expect(manifest.peerDependenciesMeta.webgpu).toEqual({ optional: true });
});

test("the build has no errors", () => {
  expect(inject("buildStatus")).toBe(0);
});

test.each([
  ["Biome", "@biomejs/biome/bin/biome", ["check", "--error-on-warnings", "."]],
  ["the type checker", "typescript/bin/tsc", ["-p", "tsconfig.check.json"]],
])("%s has nothing to say", { timeout: 120_000 }, (_, tool, options) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, "node_modules", tool), ...options],
    { cwd: root, encoding: "utf8" },
  );
  expect(status, stdout + stderr).toBe(0);
});

test("every file that the exports map names has been built", () => {
  const files = entries.flatMap(([, conditions]) => Object.values(conditions));
  expect(files.filter((file) => !existsSync(join(packageRoot, file)))).toEqual([]);
});

describe("what browsers load", () => {
  const browserEntries = entries
    .filter(([path]) => path !== "./node")
    .map(([path, conditions]) => [path, conditions.browser ?? conditions.default ?? ""] as const);

  test.each(browserEntries)("%s imports jax-js and files of its own alone", (_, built) => {
    const foreign = filesUnder(sourceOf(built)).flatMap((file) =>
      importsOf(file)
        .filter((specifier) => !specifier.startsWith(".") && specifier !== "@jax-js/jax")
        .map((specifier) => `${relative(root, file)} imports ${specifier}`),
    );
    expect(foreign).toEqual([]);
  });

  test("the walk over imports sees what Node's entry imports", () => {
    const files = filesUnder(sourceOf("./dist/entrances/node/index.js"));
    expect(files.flatMap(importsOf)).toContain("node:worker_threads");
  });
});

describe("in Node, jax-js finds the Worker when it loads", () => {
  const nodeEntries = entries.map(([path, { node, default: other }]) => [
    path,
    node ?? other ?? "",
  ]);

  test.each(nodeEntries)("%s", (_, built = "") => {
    const order = evaluated(sourceOf(built));
    const jax = order.indexOf("@jax-js/jax");
    const offer = order.indexOf(join(packageRoot, "src/runtime/offerWorker.ts"));
    expect(jax === -1 || (offer !== -1 && offer < jax)).toBe(true);
  });
});

describe("every public name has a docstring", () => {
  const sources = entries.map(([path, conditions]) => [path, conditions.default ?? ""] as const);

  test.each(sources)("%s", (_, built) => {
    const names = publicNames(sourceOf(built));
    expect(names.length).toBeGreaterThan(0);
    // Of a function's overloads the first one has it.
    const documented = new Set(names.filter((each) => each.documented).map(({ name }) => name));
    const bare = names.filter(({ name }) => !documented.has(name));
    expect(bare.map(({ name, file }) => `${name} in ${relative(root, file)}`)).toEqual([]);
  });
});

test("the lint rule on the direction of imports", () => {
  const forbidden = [
    ["options/a.ts", "../quantizers/b.ts"],
    ["losses/a.ts", "../codebook/b.ts"],
    ["search/a.ts", "../quantizers/b.ts"],
    ["metrics/a.ts", "../quantizers/registry.ts"],
    ["checkpoint/a.ts", "../quantizers/vectorQuantize.ts"],
    ["codebook/a.ts", "../quantizers/b.ts"],
    ["quantizers/deep/a.ts", "../../nn/b.ts"],
    ["nn/a.ts", "../train/b.ts"],
    ["errors.ts", "./nn/b.ts"],
    ["kernels/a.ts", "node:os"],
    ["index.ts", "node:fs"],
  ] as const;
  const allowed = [
    ["losses/b.ts", "../tree.ts"],
    ["metrics/b.ts", "../quantizers/contract.ts"],
    ["train/b.ts", "../quantizers/b.ts"],
    ["runtime/b.ts", "node:os"],
    ["nn/b.test.ts", "node:fs"],
  ] as const;
  const reports = lint([...forbidden, ...allowed]);
  expect(reports.sort()).toEqual(forbidden.map(([file]) => file).sort());
});

/** The files, each of which holds nothing but one import, that Biome refuses for that import. */
function lint(files: readonly (readonly [file: string, specifier: string])[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), "direction-"));
  try {
    const config = JSON.parse(readFileSync(join(root, "biome.json"), "utf8"));
    writeFileSync(join(directory, "biome.json"), JSON.stringify({ ...config, vcs: {} }));
    for (const [file, specifier] of files) {
      const path = join(directory, "packages/vector-quantize/src", file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `export { thing } from "${specifier}";\n`);
    }
    const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
    const { stdout } = spawnSync(process.execPath, [biome, "lint", "--reporter=github"], {
      cwd: directory,
      encoding: "utf8",
    });
    const report = /title=lint\/style\/noRestrictedImports,file=.*?src\/([^,]+),/g;
    return [...stdout.matchAll(report)].map((match) => match[1] ?? "");
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Specifiers that a source file imports at run time. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  const statement =
    /(?:^|\n)\s*(?:import|export)\s+(?!type\b)(?:[\w*{}\s,$]+?\s+from\s+)?"([^"]+)"|\bimport\(\s*"([^"]+)"/g;
  return [...text.matchAll(statement)].map((match) => match[1] ?? match[2] ?? "");
}

/** The modules that a source file makes evaluated, packages included, in their order. */
function evaluated(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const imported = importsOf(file).flatMap((specifier) =>
    specifier.startsWith(".") ? evaluated(join(dirname(file), specifier), seen) : [specifier],
  );
  return [...imported, file];
}

/** A source file and all files of ours that it loads. */
function filesUnder(file: string): string[] {
  return evaluated(file).filter((module) => module.startsWith(packageRoot));
}

interface PublicName {
  name: string;
  file: string;
  documented: boolean;
}

/** What a source file exports, itself or from another file of ours. */
function publicNames(file: string): PublicName[] {
  const text = readFileSync(file, "utf8");
  const found: PublicName[] = [];
  const declaration =
    /(\*\/\s*\n)?export (?:declare )?(?:async |abstract )*(?:function\*?|const|let|class|interface|type|enum) (\w+)/g;
  for (const [, comment, name = ""] of text.matchAll(declaration)) {
    found.push({ name, file, documented: comment !== undefined });
  }
  for (const [, names, specifier = ""] of text.matchAll(
    /export (?:type )?(\*|\{[^}]*\}) from "(\.[^"]+)"/g,
  )) {
    const theirs = publicNames(join(dirname(file), specifier));
    if (names === "*") {
      found.push(...theirs);
      continue;
    }
    for (const part of (names ?? "").slice(1, -1).split(",")) {
      const [original = "", exported] = part
        .trim()
        .replace(/^type /, "")
        .split(" as ");
      if (original === "") continue;
      const match = theirs.find(({ name }) => name === original);
      found.push({
        name: exported ?? original,
        file: match?.file ?? file,
        documented: match?.documented ?? false,
      });
    }
  }
  return found;
}
