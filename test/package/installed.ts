/** All packages, packed from the sources as after a fresh clone and installed into an empty folder. */
import { execFile } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { root } from "../support/paths.ts";

const execute = promisify(execFile);
/** What a clone must have for `npm pack`, beside `node_modules`. */
const sources = [
  "LICENSE",
  "README.md",
  "package.json",
  "packages",
  "scripts",
  "tsconfig.base.json",
];
/** What git ignores, and tests. */
const left =
  /\/(node_modules|dist|fixtures)$|\.(tsbuildinfo|tgz)$|\.test\.ts$|\/packages\/\w+\/LICENSE$/;

export interface Packed {
  tarball: string;
  /** The paths of the files in it. */
  files: string[];
  manifest: {
    version: string;
    bin?: Record<string, string>;
    exports: Record<string, Record<string, string>>;
  };
}

export interface Installed {
  /** A project that has installed all packages. */
  folder: string;
  packages: Record<
    "vector-quantize" | "vector-quantize-onnx" | "vector-quantize-mpi" | "vector-quantize-cli",
    Packed
  >;
  remove(): void;
}

/** Runs a program. Returns its output, and fails with it. */
export async function run(folder: string, program: string, args: readonly string[]) {
  const options = { cwd: folder, timeout: 120_000, maxBuffer: 1 << 26 };
  return await execute(program, args, options).catch((error) => {
    throw new Error(`${basename(program)} ${args.join(" ")}: ${error.code ?? error.signal}
${error.stdout}${error.stderr}`);
  });
}

export async function install(): Promise<Installed> {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), "installed-")));
  const clone = join(scratch, "clone");
  const folder = join(scratch, "project");
  mkdirSync(clone);
  for (const source of sources) {
    cpSync(join(root, source), join(clone, source), {
      recursive: true,
      filter: (path) => !left.test(path),
    });
  }
  linkModules(clone);
  symlinkSync("../packages/vector-quantize", join(clone, "node_modules/vector-quantize"));
  symlinkSync("../packages/onnx", join(clone, "node_modules/vector-quantize-onnx"));
  symlinkSync("../packages/mpi", join(clone, "node_modules/vector-quantize-mpi"));
  linkModules(folder);
  const packages = {
    "vector-quantize": await pack(clone, folder, "packages/vector-quantize"),
    "vector-quantize-onnx": await pack(clone, folder, "packages/onnx"),
    "vector-quantize-mpi": await pack(clone, folder, "packages/mpi"),
    "vector-quantize-cli": await pack(clone, folder, "packages/cli"),
  };
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({
      type: "module",
      dependencies: Object.fromEntries(
        ["@jax-js/jax", ...Object.keys(packages)].map((name) => [name, "*"]),
      ),
    }),
  );
  return { folder, packages, remove: () => rmSync(scratch, { recursive: true }) };
}

/** `node_modules` with everything that the repository has installed, but its own packages. */
function linkModules(folder: string): void {
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, ".bin"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name.startsWith(".") || name.startsWith("vector-quantize")) continue;
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
}

/** Packs one package of `clone`, and installs the tarball as npm does. */
async function pack(clone: string, folder: string, path: string): Promise<Packed> {
  const { stdout } = await run(join(clone, path), "npm", ["pack", "--json"]);
  // One package: a list of one, or since npm 11 a record.
  const [only] = Object.values<{ name: string; filename: string; files: { path: string }[] }>(
    JSON.parse(stdout),
  );
  if (only === undefined) throw new Error(`npm pack: ${stdout}`);
  const { name, filename, files } = only;
  const tarball = join(clone, path, filename);
  const home = join(folder, "node_modules", name);
  mkdirSync(home);
  await run(home, "tar", ["-xzf", tarball, "--strip-components=1"]);
  const manifest: Packed["manifest"] = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  for (const [command, file] of Object.entries(manifest.bin ?? {})) {
    chmodSync(join(home, file), 0o755);
    symlinkSync(join("..", name, file), join(folder, "node_modules/.bin", command));
  }
  return { tarball, files: files.map((file) => file.path), manifest };
}
