/*
 * Prepares a release: node scripts/release.mjs 1.2.3 [--write]
 *
 * Checks that the tree is clean, that the version is newer than the last one, and that CHANGELOG.md
 * has its section. With --write it then sets the version in all packages, runs the tests, packs,
 * and tells what is left to do by hand. It publishes nothing.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { complaints, entriesOf, isNewer } from "./changelog.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const [library, exporter] = ["packages/vector-quantize", "packages/onnx"];
const all = [library, exporter, "packages/mpi", "packages/cli"];
/** Where the exporter says its version, for the files that it writes. */
const stated = `${exporter}/src/version.ts`;
const read = (file) => readFileSync(join(root, file), "utf8");
const fail = (text) => {
  console.error(text);
  process.exit(1);
};

const args = process.argv.slice(2);
const write = args.includes("--write");
const [version] = args.filter((arg) => arg !== "--write");

if (!/^\d+\.\d+\.\d+$/.test(version ?? "")) fail("usage: node scripts/release.mjs 1.2.3 [--write]");
const git = (...options) => execFileSync("git", options, { cwd: root, encoding: "utf8" }).trim();
if (git("status", "--porcelain") !== "") fail("expected a clean tree: commit or stash first");
if (git("tag", "--list", `v${version}`) !== "") fail(`expected no tag v${version}, found one`);
const before = JSON.parse(read(`${library}/package.json`)).version;
if (before !== version && !isNewer(version, before))
  fail(`expected more than ${before}, got ${version}`);
const wrong = complaints(read("CHANGELOG.md"));
if (wrong.length > 0) fail(`CHANGELOG.md: ${wrong.join("\n")}`);
const entries = entriesOf(read("CHANGELOG.md"), version);
if (!entries) fail(`CHANGELOG.md: expected a section "## ${version} - <date>" with entries`);

console.log(`${version} (now ${before})\n\n${entries}\n`);
if (!write) {
  console.log("Nothing was changed. With --write: sets the versions, runs the tests, packs.");
  process.exit();
}

for (const [file, change] of [
  ...all.map((path) => [`${path}/package.json`, (manifest) => setVersion(manifest)]),
  ["package-lock.json", ({ packages }) => all.map((path) => setVersion(packages[path]))],
]) {
  const manifest = JSON.parse(read(file));
  change(manifest);
  writeFileSync(join(root, file), `${JSON.stringify(manifest, null, 2)}\n`);
}
writeFileSync(join(root, stated), read(stated).replace(/"\d+\.\d+\.\d+"/, `"${version}"`));
run("npx", ["biome", "format", "--write", ...all.map((path) => `${path}/package.json`)]);
run("npm", ["run", "build"]);
run("node", ["test/golden/make.mjs"]);
run("npm", ["test"]);
for (const path of all) run("npm", ["pack", "--pack-destination", root], join(root, path));
console.log(`
Left to do:
  git commit -am "Release ${version}" && git tag v${version} && git push --follow-tags
  npm publish vector-quantize-${version}.tgz
  npm publish vector-quantize-onnx-${version}.tgz
  npm publish vector-quantize-mpi-${version}.tgz
  npm publish vector-quantize-cli-${version}.tgz`);

function setVersion(manifest) {
  manifest.version = version;
  for (const own of ["vector-quantize", "vector-quantize-onnx", "vector-quantize-mpi"]) {
    if (manifest.dependencies[own]) manifest.dependencies[own] = version;
  }
}

function run(program, args, cwd = root) {
  const { status } = spawnSync(program, args, { cwd, stdio: "inherit" });
  if (status !== 0) fail(`${program} ${args.join(" ")} failed`);
}
