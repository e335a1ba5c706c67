/** What is published: its files, its types, and programs that use it, each in an empty project. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { browserTest, withPage } from "../browser/withPage.ts";
import { firstProgram } from "../support/firstProgram.ts";
import { root } from "../support/paths.ts";
import { type Installed, install, run } from "./installed.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 }); // compilers and whole programs

let installed: Installed;
const names = [
  "vector-quantize",
  "vector-quantize-onnx",
  "vector-quantize-mpi",
  "vector-quantize-cli",
] as const;
const tool = (path: string) => join(root, "node_modules", path);
const node = (...args: string[]) => run(installed.folder, process.execPath, args);
const write = (name: string, text: string) => writeFileSync(join(installed.folder, name), text);
const typescript = tool("typescript/bin/tsc");

/** Compiles a file of the project. Returns what the compiler says. */
function compile(file: string, options: object, compiler = typescript): string[] {
  const compilerOptions = { strict: true, target: "es2022", module: "nodenext", ...options };
  write("tsconfig.json", JSON.stringify({ compilerOptions, files: [file] }));
  const { stdout } = spawnSync(process.execPath, [compiler], {
    cwd: installed.folder,
    encoding: "utf8",
  });
  return stdout.split("\n").filter((line) => line !== "");
}

beforeAll(async () => {
  installed = await install();
});
afterAll(() => installed?.remove());

describe.each(names)("%s", (name) => {
  test("holds what it needs and nothing else", () => {
    const { files, manifest } = installed.packages[name];
    const unneeded = /\.test\.|fixtures|tsbuildinfo|tsconfig|assembly\/|scripts\/|\.wasm\..*\.map$/;
    expect(files.filter((file) => unneeded.test(file))).toEqual([]);
    expect(files.filter((file) => !file.includes("/")).sort()).toEqual([
      "LICENSE",
      "README.md",
      "package.json",
    ]);
    const named = Object.values(manifest.exports).flatMap((conditions) =>
      Object.values(conditions),
    );
    for (const file of [...named, ...Object.values(manifest.bin ?? {})]) {
      expect(files).toContain(file.replace("./", ""));
    }
  });

  test("has a licence, and links that work away from the repository", () => {
    const read = (file: string) =>
      readFileSync(join(installed.folder, "node_modules", name, file), "utf8");
    expect(read("LICENSE")).toBe(readFileSync(join(root, "LICENSE"), "utf8"));
    const links = [...read("README.md").matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link);
    expect(links.filter((link) => !link?.startsWith("https://"))).toEqual([]);
  });

  test("publint has nothing to say", async () => {
    await node(tool("publint/src/cli.js"), "--strict", installed.packages[name].tarball);
  });
});

// Those of the other packages, which have an entrance each, the compiler resolves below.
test("the library's types resolve for every import", async () => {
  const { tarball } = installed.packages["vector-quantize"];
  await node(tool("@arethetypeswrong/cli/dist/index.js"), tarball, "--profile", "esm-only");
});

test.each(names.slice(1))("%s asks for the library's version", (name) => {
  const manifest = (name: string) =>
    JSON.parse(readFileSync(join(installed.folder, "node_modules", name, "package.json"), "utf8"));
  const { version, dependencies } = manifest(name);
  expect(manifest("vector-quantize").version).toBe(version);
  expect(dependencies["vector-quantize"]).toBe(version);
});

describe("types, libraries checked too", () => {
  /** Errors in a program that imports every entrance. */
  const complaints = (compiler: string, lib: readonly string[], types: readonly string[]) => {
    const entrances = Object.keys(installed.packages["vector-quantize"].manifest.exports);
    const lines = entrances.map(
      (path, i) => `export * as entrance${i} from "${join("vector-quantize", path)}";`,
    );
    const others = names.slice(1).map((name, i) => `export * as other${i} from "${name}";`);
    write("entrances.ts", [...lines, ...others, ""].join("\n"));
    return compile("entrances.ts", { lib, types, noEmit: true }, compiler);
  };

  test("have no errors", () => {
    expect(complaints(typescript, ["esnext", "dom"], ["node"])).toEqual([]);
  });

  test("ours need neither the newest library nor Node's types nor a new compiler", () => {
    // The checker of types above brings one from before typed arrays had type arguments.
    const old = createRequire(tool("@arethetypeswrong/core/package.json")).resolve("typescript");
    const said = complaints(join(old, "../tsc.js"), ["es2022", "dom"], []);
    const jax = (line: string) => line.includes("@jax-js/jax"); // needs more than that
    expect(said.some(jax)).toBe(true);
    expect(said.filter((line) => !jax(line))).toEqual([]);
  });
});

/** What README's first program prints. */
const printed = /^\[ 4096, 64 \] Float32Array\(1\) \[ 0\.\d+ \]\n$/;

describe("README's first program", () => {
  test("runs in Node as it is printed", async () => {
    write("first.mjs", firstProgram());
    expect((await node("first.mjs")).stdout).toMatch(printed);
  });

  test("compiles, and runs after it", async () => {
    write("compiled.ts", firstProgram());
    expect(compile("compiled.ts", { types: ["node"], skipLibCheck: true })).toEqual([]);
    expect((await node("compiled.js")).stdout).toMatch(printed);
  });
});

describe("files for pages without a bundler", () => {
  const home = () => join(installed.folder, "node_modules/vector-quantize");

  test("have an entrance each, but for Node's, with all its names", async () => {
    const { exports } = installed.packages["vector-quantize"].manifest;
    const paths = Object.keys(exports).filter((path) => path !== "./node");
    const namesOf = async (modules: string[]): Promise<string[][]> => {
      write(
        "names.mjs",
        `const names = [];
        for (const module of ${JSON.stringify(modules)}) {
          names.push(Object.keys(await import(module)).sort());
        }
        console.log(JSON.stringify(names));`,
      );
      return JSON.parse((await node("names.mjs")).stdout);
    };
    const names = await namesOf(paths.map((path) => join("vector-quantize", path)));
    for (const [i, path] of paths.entries()) {
      const file = `dist/page/${path === "." ? "index" : path.slice(2)}.js`;
      // Each in a process of its own: it has to load alone.
      expect(await namesOf([join(home(), file)]), file).toEqual([names[i]]);
    }
  });

  browserTest("run README's first program, in few requests", async () => {
    const imports = {
      "vector-quantize": "/dist/page/index.js",
      "@jax-js/jax": "/dist/page/jax.js",
    };
    const files = { folder: home(), imports };
    await withPage({ isolated: true, files }, async ({ run, page, requests }) => {
      const said: string[] = [];
      page.on("console", (message) => said.push(message.text()));
      const dynamic = /^import (\{[^}]+\}) from ("[^"]+");.*$/gm;
      await run(firstProgram().replace(dynamic, "const $1 = await import($2);"));
      expect(said.at(-1)).toBe("[4096, 64] Float32Array(1)");
      expect(requests.length).toBeLessThan(50);
    });
  });
});

describe.each([
  ["deno", ["run", "--allow-all", "--node-modules-dir=manual"]],
  ["bun", []],
])("in %s", (engine, args) => {
  const absent = spawnSync(engine, ["--version"]).status !== 0;
  const untried = (what: string) => (absent ? `${what}: not tried, no ${engine} here` : what);
  const output = async (program: string) => {
    write("engine.ts", program);
    return (await run(installed.folder, engine, [...args, "engine.ts"])).stdout;
  };

  // jax-js's own workers would hold it for ever.
  test.skipIf(absent)(untried("README's first program runs, and ends"), async () => {
    expect(await output(firstProgram())).toMatch(printed);
  });

  test.skipIf(absent)(untried("codes are those of Node"), async () => {
    const read = (path: string) => readFileSync(join(root, "test/golden", path), "utf8");
    const program = `
      import * as library from "vector-quantize";
      import * as jax from "@jax-js/jax";
      ${read("codeHashes.mjs").replace("export async", "async")}
      console.log(JSON.stringify(await codeHashes(library, jax)));
    `;
    const { version } = installed.packages["vector-quantize"].manifest;
    const recorded = JSON.parse(read("codeHashes.json"))[version];
    expect(JSON.parse(await output(program))).toEqual(recorded);
  });

  test.skipIf(absent)(untried("a program's own workers stay the engine's"), async () => {
    const program = `
      import { initNode } from "vector-quantize/node";
      import { numpy as np } from "@jax-js/jax";
      const { threads } = await initNode({ threads: 2 });
      const text = "postMessage(1); onmessage = ({ data }) => postMessage(data + 1);";
      const blob = new Blob([text], { type: "application/javascript" });
      const worker = new Worker(URL.createObjectURL(blob), { type: "module" });
      const next = () => new Promise((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
      });
      const heard = [await next()];
      worker.postMessage(4);
      heard.push(await next());
      worker.terminate();
      const sum = await np.arange(5).sum().data();
      console.log(threads <= 2, worker instanceof Worker, heard.join(), sum[0]);
    `;
    expect(await output(program)).toBe("true true 1,5 10\n");
  });
});

describe("the command", () => {
  test.each(["vq", "vector-quantize-cli"])(
    "%s tells its version and its commands",
    async (name) => {
      const command = join(installed.folder, "node_modules/.bin", name);
      const { version } = JSON.parse(readFileSync(join(root, "packages/cli/package.json"), "utf8"));
      expect((await run(installed.folder, command, ["--version"])).stdout).toBe(`${version}\n`);
      expect((await run(installed.folder, command, ["--help"])).stdout).toContain("train");
    },
  );
});
