/**
 * Times a training step of the example autoencoder on both sides, turn by turn: README.md tells how.
 *
 *   node parity/autoencoder/time.mjs --images ... --python venv/bin/python --codes 512 --model patches
 */
import "vector-quantize"; // first: jax-js must find the threads when it loads
import { spawn } from "node:child_process";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { blockUntilReady, random, tree } from "@jax-js/jax";
import { imageAutoencoder } from "vector-quantize/nn";
import { initNode } from "vector-quantize/node";
import {
  batchOf,
  batchSize,
  buildModel,
  buildPatchModel,
  buildTrainer,
  coloured,
  readImages,
} from "./autoencoder.mjs";

const { values } = parseArgs({
  options: {
    images: { type: "string" },
    python: { type: "string", default: "python" },
    threads: { type: "string", default: "4" },
    rounds: { type: "string", default: "8" },
    codes: { type: "string", default: "256" },
    model: { type: "string", default: "convolutions" },
    "channels-last": { type: "boolean", default: false },
  },
});
if (values.images === undefined) throw new Error("--images: expected a path, got none");
const stepsPerTurn = 5;

const script = fileURLToPath(new URL("train.py", import.meta.url));
const codes = Number(values.codes);
const args = [script, "--images", values.images, "--threads", values.threads, "--serve"];
args.push("--codes", values.codes, "--model", values.model);
if (values["channels-last"]) args.push("--channels-last");
const child = spawn(values.python, args, { stdio: ["pipe", "pipe", "inherit"] });
const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
const answer = async () => JSON.parse((await answers.next()).value);
const original = async (count) => {
  child.stdin.write(`${count}\n`);
  return answer();
};

await initNode({ threads: Number(values.threads) });
const digits = await readImages(values.images);
const builders = {
  convolutions: buildModel,
  patches: buildPatchModel,
  default: ({ codes }) => imageAutoencoder({ codebookSize: codes }),
};
const [images, count] = values.model === "default" ? [coloured(digits), 64] : [digits, batchSize];
const trainer = buildTrainer(builders[values.model]({ codes }));
let state = trainer.init(random.key(0));
let taken = 0;

/** Milliseconds of each of `count` calls of `step`, from batch at hand to new state and losses. */
async function ours(step, steps) {
  const times = [];
  for (let i = 0; i < steps; i++) {
    const numbers = Array.from({ length: count }, (_, j) => (taken * count + j) % 9000);
    const batch = batchOf(images, numbers);
    taken += 1;
    const begin = performance.now();
    const result = await step(state, batch);
    state = result.state;
    // A step on the kernels is over when it gives its result, and holds the state as it is best for the next.
    await blockUntilReady(step === trainer.step ? [state, result.metrics] : result.metrics);
    times.push(performance.now() - begin);
    tree.dispose(result.metrics);
  }
  return times;
}

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const about = await answer();
console.log(
  `${cpus()[0].model}, Node ${process.versions.node}, torch ${about.torch}, ${values.threads} threads, ` +
    `${values.model}${values["channels-last"] ? ", channels last" : ""}, ${codes} codes`,
);
const sides = {
  original,
  "ours, kernels": (count) => ours(trainer.trainStep, count),
  "ours, graph": (count) => ours(trainer.step, count),
};
for (const side of Object.values(sides)) await side(3);
const rounds = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const times = {};
  for (const [name, side] of Object.entries(sides)) times[name] = median(await side(stepsPerTurn));
  rounds.push(times);
  console.log(
    Object.entries(times)
      .map(([name, time]) => `${name} ${time.toFixed(1)} ms`)
      .join("   "),
  );
}
for (const name of Object.keys(sides)) {
  const times = rounds.map((times) => times[name]);
  const ratios = rounds.map((times) => times[name] / times.original);
  console.log(
    `${name}: median ${median(times).toFixed(1)} ms, least ${Math.min(...times).toFixed(1)} ms, ` +
      `median of the ratios to the original ${median(ratios).toFixed(2)}`,
  );
}
child.stdin.end();
