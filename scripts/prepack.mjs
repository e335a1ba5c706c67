// What a package needs before `npm pack`, in its folder: a build, the licence, and a README.
import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writePageFiles } from "./pageFiles.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { name, repository } = JSON.parse(readFileSync("package.json", "utf8"));

rmSync("dist", { recursive: true, force: true }); // files of modules that are gone
rmSync("tsconfig.tsbuildinfo", { force: true });
const tsc = join(root, "node_modules/typescript/bin/tsc");
// To stderr: who runs `npm pack --json` parses what npm prints.
const { status } = spawnSync(process.execPath, [tsc, "-b"], { stdio: ["ignore", 2, 2] });
if (status !== 0) process.exit(1);
for (const file of readdirSync("dist", { recursive: true })) {
  if (file.endsWith(".d.ts")) forOldCompilers(join("dist", file));
}
copyFileSync(join(root, "LICENSE"), "LICENSE");
if (name === "vector-quantize") {
  await writePageFiles(process.cwd(), "dist/page");
  writeFileSync("README.md", rootReadme());
}

/** Before TypeScript 5.7, typed arrays have no type argument: says the same without one. */
function forOldCompilers(path) {
  const text = readFileSync(path, "utf8");
  const old = text
    .replace(/\b(\w+Array)<ArrayBuffer>/g, "ReturnType<typeof $1.of>")
    .replace(/\b(\w+Array)<ArrayBufferLike>/g, "$1");
  if (old !== text) writeFileSync(path, old);
}

/** The repository's README, with links that work on npm's page. */
function rootReadme() {
  const host = repository.url.replace(/^git\+|\.git$/g, "");
  const text = readFileSync(join(root, "README.md"), "utf8");
  return text.replace(
    /(!?)(\[[^\]]*\])\((?!https?:|#)([^)]+)\)/g,
    (_, picture, words, path) =>
      `${picture}${words}(${host}/${picture ? "raw" : "blob"}/main/${path})`,
  );
}
