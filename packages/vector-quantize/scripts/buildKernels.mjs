/**
 * Compiles each `src/kernels/assembly/<name>.ts` and writes `src/kernels/binaries/<name>.wasm.ts`.
 *
 * `npm run build:kernels` builds all, `npm run build:kernels -- nearest` only the named ones.
 * A kernel is compiled twice: with relaxed SIMD (fused multiply-add, relaxed lane select) and
 * without. Both import a shared memory; the host rewrites one flag byte where memory is not shared.
 */
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import asc from "assemblyscript/asc";

const kernels = join(dirname(fileURLToPath(import.meta.url)), "..", "src", "kernels");
const assembly = join(kernels, "assembly");
const binaries = join(kernels, "binaries");

/** The names of all kernels: the files of `assembly/` itself; those in `shared/` are parts. */
export function kernelNames() {
  return readdirSync(assembly)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))
    .map((file) => file.slice(0, -3))
    .sort();
}

/** The text of `binaries/<name>.wasm.ts`, compiled anew. */
export async function generate(name) {
  const relaxed = await compile(name, ["simd", "relaxed-simd", "threads"]);
  const plain = await compile(name, ["simd", "threads"]);
  const names = WebAssembly.Module.exports(new WebAssembly.Module(plain))
    .filter(({ kind }) => kind === "function")
    .map((each) => `"${each.name}"`);
  return `// Made by \`npm run build:kernels\` from assembly/${name}.ts. Do not edit.
import type { KernelBinary } from "../binary.ts";

export const ${name}Binary: KernelBinary<${names.join(" | ")}> = {
  name: "${name}",
  functions: [${names.join(", ")}],
  relaxed:
    "${Buffer.from(relaxed).toString("base64")}",
  plain:
    "${Buffer.from(plain).toString("base64")}",
};
`;
}

/** Where the generated file of a kernel lies. */
export function generatedPath(name) {
  return join(binaries, `${name}.wasm.ts`);
}

async function compile(name, features) {
  let binary;
  const { error, stderr } = await asc.main(
    [
      `${name}.ts`,
      "--baseDir",
      assembly,
      "-O3",
      "--noAssert",
      "--runtime",
      "stub",
      "--enable",
      features.join(","),
      "--importMemory",
      "--sharedMemory",
      "--initialMemory",
      "1",
      "--maximumMemory",
      "65536",
      "--noExportMemory",
      "--outFile",
      "kernel.wasm",
    ],
    {
      writeFile(file, contents) {
        if (file.endsWith("kernel.wasm")) binary = contents;
      },
    },
  );
  if (error || binary === undefined) {
    throw new Error(`${name}: ${stderr.toString() || error?.message}`);
  }
  return binary;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  mkdirSync(binaries, { recursive: true });
  const names = process.argv.length > 2 ? process.argv.slice(2) : kernelNames();
  for (const name of names) {
    const text = await generate(name);
    const path = generatedPath(name);
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
    process.stdout.write(`${name}: ${Math.round(text.length / 1024)} KB\n`);
  }
}
