/** The examples of the documentation: blocks of TypeScript in Markdown and in docstrings. */

import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot, root } from "../support/paths.ts";

export interface Example {
  /** The file that it stands in, and its number there. */
  name: string;
  text: string;
}

const documents = ["README.md", "docs", "packages"];

export function findExamples(): Example[] {
  return documents.flatMap(filesUnder).flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const blocks = file.endsWith(".md")
      ? [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, block = ""]) => block)
      : [...text.matchAll(/^ *\* ```ts\n(.*?)^ *\* ```/gms)].map(([, block = ""]) =>
          block.replace(/^ *\* ?/gm, ""),
        );
    return blocks.map((block, i) => ({ name: `${file} ${i + 1}`, text: block }));
  });
}

/** Markdown and sources, by their paths from the root. */
function filesUnder(path: string): string[] {
  if (path.endsWith(".md")) return [path];
  return readdirSync(join(root, path), { recursive: true, encoding: "utf8" })
    .filter((file) => !/(^|\/)(node_modules|dist|fixtures|binaries|assembly|api)\//.test(file))
    .filter((file) => /\.(md|ts)$/.test(file) && !file.endsWith(".test.ts"))
    .map((file) => `${path}/${file}`)
    .sort();
}

export interface Outcome {
  /** What the compiler says of it. */
  errors: string[];
  /** "ran"; or the name without a value that kept it from running; or how it failed. */
  end: string;
}

/**
 * Compiles all examples in one go against the build, then runs them.
 *
 * An example that imports is a program of its own. For the others, what `ambient.ts` declares is given,
 * and the public names that they use are imported.
 */
export async function tryExamples(examples: readonly Example[]): Promise<Map<string, Outcome>> {
  const folder = mkdtempSync(join(tmpdir(), "examples-"));
  try {
    const exported = await publicNames();
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    copyFileSync(join(root, "test/docs/ambient.ts"), join(folder, "ambient.ts"));
    for (const [i, example] of examples.entries()) {
      writeFileSync(join(folder, `${i}.ts`), program(example, exported));
    }
    const said = compile(folder);
    const ambient = said.filter((line) => line.startsWith("ambient.ts"));
    if (ambient.length > 0) throw new Error(ambient.join("\n"));
    const numbers = [...examples.keys()];
    const [alone, others] = [true, false].map((chooses) =>
      numbers.filter((i) => choosesThreads(examples[i] as Example) === chooses),
    ) as [number[], number[]];
    const ends: Record<number, string> = {};
    for (const whole of [false, true]) {
      const together = others.filter((i) => isWhole(examples[i] as Example) === whole);
      Object.assign(ends, runTogether(folder, together));
    }
    for (const i of alone) Object.assign(ends, runTogether(folder, [i]));
    return new Map(
      examples.map(({ name }, i) => [
        name,
        {
          errors: said.filter((line) => line.startsWith(`${i}.ts`)),
          end: ends[i] ?? "not reached",
        },
      ]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The values that each entrance exports, jax-js's with them. */
async function publicNames(): Promise<Map<string, string[]>> {
  const { exports } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  const entrances = Object.keys(exports).map((path) => join("vector-quantize", path));
  const found = new Map<string, string[]>();
  for (const entrance of [
    ...entrances,
    "vector-quantize-onnx",
    "vector-quantize-mpi",
    "@jax-js/jax",
  ]) {
    const names = Object.keys(await import(/* @vite-ignore */ entrance));
    found.set(
      entrance,
      names.filter((name) => name !== "Array"),
    ); // which is JavaScript's
  }
  return found;
}

/** Whether it imports: then it is a program as it stands. */
const isWhole = ({ text }: Example) => /^import /m.test(text);

/** Whether it chooses the threads of its process, which is possible once. */
const choosesThreads = ({ text }: Example) => /\binitNode\(/.test(text);

function program({ name, text }: Example, exported: Map<string, string[]>): string {
  if (isWhole({ name, text })) return text;
  const order = [...exported.keys()];
  // In the kernels' docstrings, `kmeans` is theirs.
  if (name.includes("/kernels/")) order.sort((a) => (a.endsWith("/kernels") ? -1 : 0));
  const taken = new Set<string>();
  const imports = order.map((entrance) => {
    const names = exported.get(entrance)?.filter((name) => {
      const used = new RegExp(`(?<![.\\w])${name}\\b(?!:)`).test(text) && !taken.has(name);
      if (used) taken.add(name);
      return used;
    });
    return `import { ${names?.join(", ")} } from "${entrance}";`;
  });
  // Names that stand for the input are for the quantizer that the example makes.
  const body = text.replace(/^const (quantizer|mapper) = .*?;.*?\n/ms, "$&use($1);\n");
  return `${imports.join("\n")}\nimport "./ambient.js";\n{\n${body}}\n`;
}

function compile(folder: string): string[] {
  const compilerOptions = {
    ...{ strict: true, skipLibCheck: true, target: "es2022", module: "nodenext" },
    ...{ lib: ["es2023", "esnext.disposable", "dom"], types: ["node"] },
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const options = { cwd: folder, encoding: "utf8" } as const;
  return spawnSync(process.execPath, [compiler], options).stdout.split("\n");
}

/** How examples end that run in one process, by their numbers. */
function runTogether(folder: string, numbers: readonly number[]): Record<number, string> {
  const runner = `
    import { writeFileSync } from "node:fs";
    const ends = {};
    for (const i of ${JSON.stringify(numbers)}) {
      ends[i] = await import("./" + i + ".js").then(
        () => "ran",
        (error) => /^(\\w+) is not defined$/.exec(error.message)?.[1] ?? String(error.stack),
      );
      writeFileSync("ends.json", JSON.stringify(ends));
    }
  `;
  writeFileSync(join(folder, "runner.js"), runner);
  spawnSync(process.execPath, ["runner.js"], { cwd: folder, timeout: 120_000 });
  return JSON.parse(readFileSync(join(folder, "ends.json"), "utf8"));
}

/** Whether a program imports jax-js before this library. */
export function importsLate(program: string): boolean {
  const jax = program.search(/^import .*"@jax-js\/jax"/m);
  return jax >= 0 && program.search(/^import [^"]*"vector-quantize/m) > jax;
}
