/**
 * Trains the rows of a group on one kind of data, seed by seed, and writes results/<group>-<data>.json.
 *
 *   npm run build
 *   node docs/measure/main.mjs --group families --data cifar --folder path/to/cifar --threads 2 --timed
 *   node docs/measure/main.mjs --group families --data shapes
 *   node docs/measure/main.mjs --group settings --data cifar --folder path/to/cifar --seeds 0,1
 *   node docs/measure/draw.mjs     tables and figures of docs/ from all results
 *
 * Runs that are in the file already are left as they are.
 */
import "vector-quantize"; // first: jax-js must find the threads when it loads
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { initNode } from "vector-quantize/node";
import { openData } from "./data.mjs";
import { groups } from "./experiments.mjs";
import { batchSize, trained } from "./training.mjs";

const { values: flags } = parseArgs({
  options: {
    group: { type: "string", default: "families" },
    data: { type: "string", default: "shapes" },
    folder: { type: "string" },
    seeds: { type: "string", default: "0,1,2" },
    steps: { type: "string", default: "300" },
    threads: { type: "string", default: "1" },
    timed: { type: "boolean", default: false }, // on a machine that does nothing else
    only: { type: "string", default: "" },
    out: { type: "string", default: new URL("results", import.meta.url).pathname },
  },
});
const group = groups[flags.group];
if (!group) throw new Error(`--group: expected one of ${Object.keys(groups)}, got ${flags.group}`);
const steps = Number(flags.steps);
await initNode({ threads: Number(flags.threads) });
const data = await openData(flags.data, flags.folder);

const path = `${flags.out}/${flags.group}-${flags.data}.json`;
mkdirSync(flags.out, { recursive: true });
const results = readResults() ?? {
  ...{ group: flags.group, data: flags.data, steps, batchSize, date: today() },
  threads: Number(flags.threads),
  ...{ node: process.versions.node, processor: cpus()[0].model, jax: versionOf("@jax-js/jax") },
  runs: {},
};
if (results.steps !== steps) throw new Error(`${path}: expected ${results.steps} steps`);

for (const seed of flags.seeds.split(",")) {
  for (const [name, row] of Object.entries(group)) {
    if (!name.includes(flags.only) || (row.pictures && data.shape.length !== 3)) continue;
    results.runs[name] ??= {};
    if (results.runs[name][seed]) continue;
    const { milliseconds, ...run } = await trained(data, row, { steps, seed: Number(seed) });
    results.runs[name][seed] = { ...run, ...(flags.timed && { milliseconds }) };
    const { quality, used, perplexity } = run;
    console.log(seed, name, quality, used, perplexity, `${milliseconds} ms a step`);
    writeFileSync(`${path}.new`, `${JSON.stringify(results, null, 1)}\n`);
    renameSync(`${path}.new`, path);
  }
}

function readResults() {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined; // none yet
  }
}

function versionOf(name) {
  const [folder] = import.meta.resolve(name).split("/dist/");
  return JSON.parse(readFileSync(new URL(`${folder}/package.json`), "utf8")).version;
}

function today() {
  return new Date().toISOString().slice(0, 10);
}
