/**
 * Compares our training of the example autoencoder with the recordings of train.py: README.md tells how.
 *
 *   node parity/autoencoder/compare.mjs curve --images ... --runs runs/autoencoder
 *   node parity/autoencoder/compare.mjs final --images ... --runs runs/autoencoder
 *   node parity/autoencoder/compare.mjs initial --runs runs/ours
 */
import "vector-quantize"; // first: jax-js must find the threads when it loads
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { random } from "@jax-js/jax";
import { shuffledBatches } from "vector-quantize/data";
import { initNode } from "vector-quantize/node";
import { writeSafetensors } from "vector-quantize/safetensors";
import {
  batchSize,
  buildModel,
  buildTrainer,
  readImages,
  readRecording,
  steps,
  train,
} from "./autoencoder.mjs";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: "string" },
    runs: { type: "string", default: "runs/autoencoder" },
    threads: { type: "string", default: "4" },
    seeds: { type: "string", default: "1,2,3" },
  },
});
const mean = (list) => list.reduce((sum, v) => sum + v, 0) / list.length;
const percent = (share) => `${(100 * share).toFixed(2)} %`;
const last50 = (losses) => mean(losses.slice(-50));

/** Means over the last `width` steps of each step, from step `width` on. */
const smooth = (curve, width) =>
  Array.from({ length: curve.length - width + 1 }, (_, i) => mean(curve.slice(i, i + width)));

/** How far `ours` is from `theirs`, step by step, as a share of theirs. */
function difference(ours, theirs) {
  const shares = ours.map((value, i) => Math.abs(value - theirs[i]) / theirs[i]);
  return { mean: mean(shares), largest: Math.max(...shares) };
}

const progress = ({ step, values: { reconstruction, commitment } }) => {
  if (step % 100 !== 0) return;
  console.log(`  step ${step}: ${reconstruction.toFixed(4)}, ${commitment.toFixed(5)}`);
};

const recordings = async () => {
  const files = (await readdir(values.runs)).filter((file) => /^seed-.*\.safetensors$/.test(file));
  files.sort();
  if (files.length === 0) throw new Error(`${values.runs}: expected recordings, got none`);
  return files.map((file) => join(values.runs, file));
};

/** From the original's initial weights, fed the same batches. */
async function compareCurves(images) {
  const model = buildModel();
  const trainer = buildTrainer(model);
  for (const path of await recordings()) {
    const { variables, batches, losses, metadata } = await readRecording(path, model);
    console.log(`${path} (reference ${metadata.reference}, torch ${metadata.torch})`);
    const start = trainer.start(variables, random.key(0));
    const ours = (await train(trainer, start, images, batches, progress)).losses;
    for (const name of ["reconstruction", "commitment"]) {
      const [a, b] = [ours[name], losses[name]];
      const smoothed = difference(smooth(a, 20), smooth(b, 20));
      const raw = difference(a, b);
      console.log(
        `  ${name}: smoothed over 20 steps mean ${percent(smoothed.mean)}, ` +
          `largest ${percent(smoothed.largest)}; raw mean ${percent(raw.mean)}, ` +
          `largest ${percent(raw.largest)}; last 50 steps ${last50(a).toFixed(5)} ` +
          `(original ${last50(b).toFixed(5)})`,
      );
    }
  }
}

/** From initialisations of our own, on batches of our own. */
async function compareFinals(images) {
  const model = buildModel();
  const trainer = buildTrainer(model);
  const ours = [];
  for (const seed of values.seeds.split(",").map(Number)) {
    const count = images.floats.length / (images.height * images.width);
    const order = shuffled(count, seed);
    const { losses } = await train(
      trainer,
      trainer.init(random.key(seed)),
      images,
      order,
      progress,
    );
    ours.push(last50(losses.reconstruction));
    console.log(`seed ${seed}: ${ours.at(-1).toFixed(5)}`);
  }
  const theirs = [];
  for (const path of await recordings()) {
    theirs.push(last50((await readRecording(path, model)).losses.reconstruction));
  }
  const [mine, original] = [finals("ours", ours), finals("original", theirs)];
  console.log(`difference of the means ${percent(Math.abs(mine / original - 1))}`);
}

/** Prints the final losses of one side, and returns their mean without the runs that got stuck. */
function finals(side, losses) {
  const stuck = (loss) => loss > 1.3 * Math.min(...losses);
  const list = losses.map((loss) => loss.toFixed(5) + (stuck(loss) ? " (stuck)" : ""));
  const average = mean(losses.filter((loss) => !stuck(loss)));
  console.log(`${side}: ${list.join(", ")}; mean of those not stuck ${average.toFixed(5)}`);
  return average;
}

/** Batches of image numbers, shuffled anew each epoch. */
function* shuffled(count, seed) {
  const batches = shuffledBatches(
    Array.from({ length: count }, (_, i) => i),
    batchSize,
    seed,
  );
  for (let i = 0; i < steps; i++) yield batches.at(i);
}

/** Writes our initialisations in the original's form, for `train.py --initial`. */
async function writeInitials() {
  const model = buildModel();
  const trainer = buildTrainer(model);
  await mkdir(values.runs, { recursive: true });
  for (const seed of values.seeds.split(",").map(Number)) {
    const { params, state } = trainer.init(random.key(seed)).variables;
    const tensors = {};
    const layers = { 0: params.encoder[0], 3: params.encoder[3] };
    Object.assign(layers, { 7: params.decoder[0], 10: params.decoder[2] });
    for (const [layer, { weight, bias }] of Object.entries(layers)) {
      tensors[`fns.${layer}.weight`] = weight.transpose([3, 2, 0, 1]).add(0);
      tensors[`fns.${layer}.bias`] = bias;
    }
    tensors["fns.5._codebook.embed"] = state.codebook.reshape([1, 256, 32]);
    tensors["fns.5._codebook.cluster_size"] = state.clusterSize.reshape([1, 256]);
    tensors["fns.5._codebook.embed_avg"] = state.codeSums.reshape([1, 256, 32]);
    const path = join(values.runs, `initial-${seed}.safetensors`);
    await writeFile(`${path}.new`, await writeSafetensors(tensors));
    await rename(`${path}.new`, path);
  }
}

await initNode({ threads: Number(values.threads) });
const withImages = (mode) => async () => {
  if (values.images === undefined) throw new Error("--images: expected a path, got none");
  await mode(await readImages(values.images));
};
const modes = {
  curve: withImages(compareCurves),
  final: withImages(compareFinals),
  initial: writeInitials,
};
const mode = modes[positionals[0]];
if (!mode) throw new Error(`expected "curve", "final" or "initial", got ${positionals[0]}`);
await mode();
