/**
 * Times a training step of every family, each in a process of its own, turn by turn, and takes the most
 * memory of each: writes results/steps.json. For a machine that does nothing else.
 *
 *   node docs/measure/steps.mjs --threads 2
 */
import "vector-quantize"; // first: jax-js must find the threads when it loads
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { numpy as np, random } from "@jax-js/jax";
import { shapeImages, toFloats } from "vector-quantize/data";
import { initNode } from "vector-quantize/node";
import { adamw, createTrainer, trainLoop } from "vector-quantize/train";
import { groups } from "./experiments.mjs";
import { batchSize, modelFor } from "./training.mjs";

const { values: flags } = parseArgs({
  options: {
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "2" },
    row: { type: "string" },
  },
});
const shape = [32, 32, 3];
const [warm, steps] = [10, 60];
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];

/** Trains one row, and prints the median of its steps and the most memory. */
async function time(row) {
  await initNode({ threads: Number(flags.threads) });
  const model = modelFor(shape, row);
  const trainer = createTrainer(model, { optimizer: adamw(1e-3) });
  const images = shapeImages({ count: batchSize });
  const floats = toFloats(images, [...Array(batchSize).keys()]);
  const times = [];
  await trainLoop(trainer.start(model.init(random.key(0)), random.key(1)), {
    trainer,
    batch: () => np.array(floats, { shape: [batchSize, ...shape] }),
    from: 0,
    to: warm + steps,
    afterStep: () => void times.push(performance.now()),
  });
  const steady = times.slice(warm).map((each, i) => each - times[warm + i - 1]);
  const mebibytes = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(JSON.stringify({ milliseconds: median(steady), mebibytes }));
}

/** What a process says that trains this row. */
function measured(name) {
  const args = [fileURLToPath(import.meta.url), "--row", name, "--threads", flags.threads];
  const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return JSON.parse(stdout);
}

function measureAll() {
  const names = Object.keys(groups.families);
  const found = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const name of names) {
      found[name].push(measured(name));
      console.log(name, found[name].at(-1));
    }
  }
  const rows = Object.fromEntries(
    names.map((name) => [
      name,
      {
        milliseconds: Number(median(found[name].map((each) => each.milliseconds)).toFixed(2)),
        mebibytes: median(found[name].map((each) => each.mebibytes)),
      },
    ]),
  );
  const about = { batchSize, threads: Number(flags.threads), node: process.versions.node };
  const date = new Date().toISOString().slice(0, 10);
  const results = { ...about, processor: cpus()[0].model, date, rows };
  const url = new URL("results/steps.json", import.meta.url);
  writeFileSync(url, `${JSON.stringify(results, null, 1)}\n`);
}

if (flags.row) await time(groups.families[flags.row]);
else measureAll();
