/**
 * The library for pages without a bundler: one file an entrance, and what they share in a few more, so
 * that an import map or a CDN can name them. jax-js is in it, once; `jax.js` has its names.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

/** @param folder the package, built @param out where the files go */
export async function writePageFiles(folder, out) {
  const { exports, name, version, dependencies } = JSON.parse(
    readFileSync(join(folder, "package.json"), "utf8"),
  );
  const entrances = Object.entries(exports).filter(([path]) => path !== "./node");
  await build({
    entryPoints: {
      jax: "@jax-js/jax",
      ...Object.fromEntries(
        entrances.map(([path, { browser, default: file }]) => [
          path === "." ? "index" : path.slice(2),
          join(folder, browser ?? file),
        ]),
      ),
    },
    outdir: out,
    absWorkingDir: folder,
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    chunkNames: "shared/[hash]",
    banner: {
      js: `/* ${name} ${version}, with @jax-js/jax ${dependencies["@jax-js/jax"]}. MIT */`,
    },
    logLevel: "warning",
  });
}
