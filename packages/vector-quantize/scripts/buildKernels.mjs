/**
 * Compiles the kernels. Each module `src/kernels/assembly/<name>.ts` is written to
 * `src/kernels/engine/binaries`: `<name>.ts`, which says what it exports and loads the rest when it is
 * first used, and its code as base64, twice: with relaxed SIMD (fused multiply-add, relaxed lane
 * select) and without; once where both are the same. `headers.ts` beside them has the layouts of what
 * the host writes for them.
 *
 * `npm run build:kernels` builds all, `npm run build:kernels -- search` only the named ones. Modules
 * import a shared memory; the host rewrites one flag byte where memory is not shared.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import asc from "assemblyscript/asc";

const kernels = join(dirname(fileURLToPath(import.meta.url)), "..", "src", "kernels");
const assembly = join(kernels, "assembly");
/** Where the generated files lie. */
export const binaries = join(kernels, "engine", "binaries");

/** Classes that the host writes and constants that it shares, by their file in `assembly/`. */
const shared = {
  "layers/convolution": {
    classes: ["Convolution", "Part"],
    constants: ["PRODUCT", "LANES", "DOT"],
  },
  "layers/spectra": { classes: ["Spectra"], constants: [] },
  "layers/updates": {
    classes: ["Operation"],
    constants:
      "BLOCK LOAD STORE SCALE DECAY ADAM MOMENTUM COLLECT APPLY AVERAGE SQUARES CLEAR".split(" "),
  },
  "layers/winograd": { classes: ["Winograd"], constants: ["STRIP_ROWS"] },
  "scan/finish": {
    classes: ["FinishJob", "FinishQuery"],
    constants: ["BY_VECTORS", "BY_NIBBLES", "BY_BYTES", "AS_THEY_ARE"],
  },
  "scan/job": { classes: ["ScanJob", "ScanItem"], constants: ["ENTRY"] },
  "scan/prepare": { classes: ["PartCoder"], constants: [] },
  "scan/rabitq": { classes: ["SignCoder"], constants: [] },
  "search/packedCodebook": { classes: ["Codebook"], constants: [] },
  "search/collectTopK": { classes: [], constants: ["WAITING"] },
  "search/pruning/filterCodebook": {
    classes: ["FilterCodebook", "PrincipalSubspace", "KdTree", "Lattice"],
    constants: "PANEL GROUP WINDOW ROW LIST LEAF BRANCH DIGIT MOST_OF_LENGTH".split(" "),
  },
  "search/pruning/latticeRound": {
    classes: [],
    constants: ["FEATURES", "MOST_LEAVES", "ROUND_BYTES"],
  },
};

/** The names of all modules: the files of `assembly/` itself; those in its rooms are parts. */
export function moduleNames() {
  return readdirSync(assembly)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))
    .map((file) => file.slice(0, -3))
    .concat("headers")
    .sort();
}

/** The files of a module that lie in `binaries`. */
export function filesOf(name) {
  return readdirSync(binaries)
    .filter((file) => file.startsWith(`${name}.`))
    .sort();
}

/** The generated files of a module, compiled anew: texts by file name. */
export async function generate(name) {
  if (name === "headers") return { "headers.ts": await headers() };
  const relaxed = await compile(name, ["simd", "relaxed-simd", "threads"]);
  const plain = await compile(name, ["simd", "threads"]);
  const same = Buffer.compare(relaxed, plain) === 0;
  const forms = same ? { relaxed: "", plain: "" } : { relaxed: ".relaxed", plain: ".plain" };
  const names = WebAssembly.Module.exports(new WebAssembly.Module(plain))
    .filter(({ kind }) => kind === "function")
    .map((each) => `"${each.name}"`);
  const origin = `// Made by \`npm run build:kernels\` from assembly/${name}.ts. Do not edit.`;
  const code = (binary) =>
    `${origin}\nexport default "${Buffer.from(binary).toString("base64")}";\n`;
  return {
    [`${name}.ts`]: `${origin}
import type { KernelModule } from "../kernelModule.ts";

export const ${name}Kernels: KernelModule<
  ${names.join("\n  | ")}
> = {
  functions: [
    ${names.join(",\n    ")},
  ],
  relaxed: () => import("./${name}${forms.relaxed}.wasm.ts"),
  plain: () => import("./${name}${forms.plain}.wasm.ts"),
};
`,
    [`${name}${forms.relaxed}.wasm.ts`]: code(relaxed),
    [`${name}${forms.plain}.wasm.ts`]: code(plain),
  };
}

/** `headers.ts`: offsets and kinds of the fields of the shared classes, as the compiler lays them. */
async function headers() {
  const lines = [];
  const asked = [];
  for (const [file, { classes, constants }] of Object.entries(shared)) {
    const text = readFileSync(join(assembly, `${file}.ts`), "utf8");
    lines.push(`import { ${[...classes, ...constants].join(", ")} } from "./${file}";`);
    for (const name of classes) {
      const fields = fieldsOf(text, name);
      asked.push({ name, fields });
      lines.push(`export const ${name}_: i32 = offsetof<${name}>();`);
      for (const [field] of fields) {
        lines.push(`export const ${name}_${field}: i32 = offsetof<${name}>("${field}");`);
      }
    }
    asked.push({ constants });
    for (const name of constants) lines.push(`export const ${name}_: i32 = <i32>${name};`);
  }
  const code = await compile("headers", ["simd", "threads"], lines.join("\n"));
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } });
  const value = (name) => exports[name].value;
  const parts = asked.map(({ name, fields, constants }) => {
    if (constants) {
      return constants.map((each) => `export const ${each} = ${value(`${each}_`)};\n`).join("");
    }
    const places = fields.map(
      ([field, kind]) => `    ${field}: { kind: "${kind}", at: ${value(`${name}_${field}`)} },\n`,
    );
    const own = name[0].toLowerCase() + name.slice(1);
    return `\nexport const ${own}Header = {\n  bytes: ${value(`${name}_`)},\n  fields: {\n${places.join("")}  },\n} as const;\n`;
  });
  return `// Made by \`npm run build:kernels\` from classes in assembly/. Do not edit.\n${parts.join("")}`;
}

/** Names and kinds of the fields of a class in `text`, those that it inherits first. */
function fieldsOf(text, name) {
  const found = text.match(
    new RegExp(`class ${name}(?: extends (\\w+))? \\{\\n([\\s\\S]*?)\\n\\}`),
  );
  if (!found) throw new Error(`no class ${name}`);
  const own = [...found[2].matchAll(/^ {2}(\w+): ([^;]+);$/gm)].map(([, field, type]) => [
    field,
    ["i64", "f32", "f64"].includes(type) ? type : "i32", // a reference is an address
  ]);
  return [...(found[1] ? fieldsOf(text, found[1]) : []), ...own];
}

async function compile(name, features, text) {
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
      ...(text !== undefined && {
        readFile: (file) => (file === `${name}.ts` ? text : readOrNothing(join(assembly, file))),
      }),
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

function readOrNothing(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null; // the compiler looks elsewhere
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  mkdirSync(binaries, { recursive: true });
  const names = process.argv.length > 2 ? process.argv.slice(2) : moduleNames();
  for (const name of names) {
    for (const [file, text] of Object.entries(await generate(name))) {
      const path = join(binaries, file);
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
      process.stdout.write(`${file}: ${(text.length / 1024).toFixed(1)} KB\n`);
    }
  }
}
