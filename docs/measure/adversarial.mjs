/**
 * Whether an adversarial loss pays for speech: goes on with a trained model of `vq train`, with
 * discriminators and without, from the same weights on the same pieces, and writes
 * results/adversarial-speech.json.
 *
 *   npm run build
 *   vq train path/to/train --out base --bitrate 4000 --steps 4000
 *   node docs/measure/adversarial.mjs --base base --known path/to/train --test path/to/test \
 *     --runs path/to/runs
 *
 * "without, as long" takes as many steps without discriminators as take the processor as long as the
 * longest row with some. Runs that are in the file already are left as they are, so that `--only` names
 * of rows can be had by several processes.
 */
import "vector-quantize"; // first: jax-js must find the threads when it loads
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { jit, lax, numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { trainValidationSplit } from "vector-quantize/data";
import { loadModel, saveModel, sequential } from "vector-quantize/nn";
import { initNode } from "vector-quantize/node";
import {
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  createTrainer,
  partition,
  sgd,
  soundLoss,
  warmupCosineSchedule,
} from "vector-quantize/train";
import { collected } from "../../packages/cli/dist/input/sound/collected.js";
import { openSound } from "../../packages/cli/dist/input/sound/soundFiles.js";
import { evaluateSounds } from "../../packages/cli/dist/measure/sound/soundEvaluation.js";
import { wavBytes } from "../../packages/cli/dist/output/wav.js";
import { soundData } from "../../packages/cli/dist/training/sound/soundData.js";
import { withWorkspace } from "../../packages/vector-quantize/dist/kernels/layers/workspace.js";
import { soundLossOnKernels } from "../../packages/vector-quantize/dist/losses/soundLossOnKernels.js";
import { discriminators, pull, tellingLoss } from "./discriminators.mjs";

const { values: flags } = parseArgs({
  options: {
    base: { type: "string" },
    known: { type: "string" },
    test: { type: "string" },
    runs: { type: "string" },
    steps: { type: "string", default: "300" },
    threads: { type: "string", default: "2" },
    only: { type: "string", default: "" },
    out: { type: "string", default: new URL("results", import.meta.url).pathname },
  },
});
const steps = Number(flags.steps);
await initNode({ threads: Number(flags.threads) });

/** What goes on with the model: the discriminators, and their slope's norm beside the sound loss's. */
const arms = {
  without: {},
  "periods, 0.3": { group: "periods", strength: 0.3 },
  "spectra, 0.3": { group: "spectra", strength: 0.3 },
};
/** Of the distance of features, beside the logits' loss (Kumar et al. 2023, arXiv 2306.06546). */
const featureWeight = 2;
const batchSize = 4;
const seed = 1;
const rates = { model: 5e-4, discriminators: 1e-3 };

const file = readFileSync(join(flags.base, "model.safetensors"));
const base = loadModel(file);
const { model, details } = base;
const { sampleRate, waveform, mel, stft, validation, seed: dataSeed } = details.settings;
const loss = soundLoss({ sampleRate, waveform, mel, stft });
const data = await soundData(
  readdirSync(flags.known).map((name) => join(flags.known, name)),
  { ...details.settings, data: flags.known },
);
const length = data.size.samples;
const onKernels = soundLossOnKernels(loss, [-1, 1]);
const { train: items } = trainValidationSplit(data.count, validation, dataSeed);

/**
 * A last layer that has gradients of one's own come back: `target + 1 + <x - stopGradient(x), slope>`,
 * whose mean absolute difference from `target` has the slope `slope` by `x`. So the model's layers stay on
 * the kernels. With a slope of the sound loss alone, steps are those of a trainer with that loss.
 */
const steer = {
  config: { type: "steer" },
  init(key) {
    key.dispose();
    return { target: np.zeros([batchSize, length, 1]), slope: np.zeros([batchSize, length, 1]) };
  },
  apply({ target, slope }, x) {
    const moved = x.ref.sub(lax.stopGradient(x)).mul(slope);
    return target.add(moved.reshape([-1]).sum()).add(1);
  },
};

/** The parts of the sound loss between sounds, and their weighted sum's slope, on the kernels. */
async function soundSlope({ made, sound }) {
  const [output, target] = [await made.ref.data(), await sound.ref.data()];
  return withWorkspace(async (work) => {
    const buffers = [work.copyOf(output), work.copyOf(target)];
    const { parts, gradient } = await onKernels(work, buffers, sound.shape);
    return { parts, slope: work.floats(gradient, output.length).slice() };
  });
}

/** The optimizer of the model; what steers it stays as it is. */
const modelOptimizer = (count) =>
  partition(
    {
      steer: sgd(0),
      rest: chain(
        clipByGlobalNorm(1),
        adamw(warmupCosineSchedule(rates.model, Math.round(count / 10), count)),
      ),
    },
    (path) => (path.startsWith(`decoder.${model.layers.decoder.length}.`) ? "steer" : "rest"),
  );

/** A step without discriminators: the trainer's. */
function plainSteps(count) {
  const trainer = createTrainer(model, { optimizer: modelOptimizer(count), loss });
  let state = trainer.start(loadModel(file).variables, random.key(seed));
  return {
    async step(batch) {
      const { state: after, metrics } = await trainer.trainStep(state, batch);
      state = after;
      return read(metrics, ["waveform", "mel", "stft"]);
    },
    end: () => state.variables,
  };
}

/** A step with discriminators: theirs, and the model's along the slopes of all losses. */
function judgedSteps({ group: name, strength }, count) {
  const group = discriminators[name];
  const steered = sequential([
    ...model.layers.encoder,
    model.quantizer,
    ...model.layers.decoder,
    steer,
  ]);
  const trainer = createTrainer(steered, { optimizer: modelOptimizer(count), loss: "l1" });
  const last = model.layers.decoder.length;
  const own = loadModel(file).variables;
  const decoder = [...own.params.decoder, steer.init(random.key(0))];
  let state = trainer.start({ ...own, params: { ...own.params, decoder } }, random.key(seed));

  const judging = adamw(rates.discriminators, { b1: 0.5, b2: 0.9 });
  const keys = [...random.split(random.key(seed), group.length)];
  let judges = group.map(({ init }, i) => init(keys[i]));
  let moments = judging.init(tree.ref(judges));
  const telling = jit(valueAndGrad((params, pair) => tellingLoss(group, params, pair)));
  const pulling = jit(
    valueAndGrad(
      (made, { judges, sound }) => {
        const { adversarial, features } = pull(group, judges, { made, sound });
        const total = adversarial.ref.add(features.ref.mul(featureWeight));
        return [total, { adversarial, features }];
      },
      { hasAux: true },
    ),
  );
  const learn = jit(({ judges, moments, gradients }) => {
    const [updates, next] = judging.update(gradients, moments, tree.ref(judges));
    return { judges: applyUpdates(judges, updates), moments: next };
  });

  const joined = balanced(strength);

  return {
    async step(sound) {
      const { params } = state.variables;
      const before = { params: { ...params, decoder: params.decoder.slice(0, last) } };
      const variables = tree.ref({ ...before, state: state.variables.state });
      const codes = await model.encode(tree.ref(variables), sound.ref);
      const made = await model.decode(variables, codes); // as in training, which moves no layer
      const pair = { sound, made };

      const [told, gradients] = telling(tree.ref(judges), tree.ref(pair));
      ({ judges, moments } = learn({ judges, moments, gradients }));
      const { parts, slope } = await soundSlope(pair);
      const [[total, pulls], pulled] = pulling(made, {
        judges: tree.ref(judges),
        sound: sound.ref,
      });
      total.dispose();
      const sum = np.array(joined(slope, await pulled.data()), { shape: sound.shape });

      tree.dispose(params.decoder[last]);
      const steering = { target: sound.ref, slope: sum };
      const decoder = [...params.decoder.slice(0, last), steering];
      const now = { ...state, variables: { ...state.variables, params: { ...params, decoder } } };
      const { state: after, metrics } = await trainer.trainStep(now, sound);
      state = after;
      tree.dispose(metrics);
      return { ...parts, ...(await read({ ...pulls, telling: told }, Object.keys(shares))) };
    },
    end() {
      const { params, ...rest } = state.variables;
      tree.dispose(params.decoder[last]);
      return { ...rest, params: { ...params, decoder: params.decoder.slice(0, last) } };
    },
  };
}

/**
 * Sums of two slopes, the second one scaled to `strength` times the norm of the first, by averages over steps
 * (Défossez et al. 2022, arXiv 2210.13438, section 3.4).
 */
function balanced(strength) {
  const norms = [0, 0];
  return (...slopes) => {
    for (const [i, slope] of slopes.entries()) {
      const norm = Math.sqrt(slope.reduce((sum, v) => sum + v * v, 0));
      norms[i] = norms[i] === 0 ? norm : 0.99 * norms[i] + 0.01 * norm;
    }
    const scale = (strength * norms[0]) / (norms[1] + 1e-12);
    return slopes[0].map((value, i) => value + scale * slopes[1][i]);
  };
}

const shares = { adversarial: 0, features: 0, telling: 0 };

/** Some scalars by name; all are given up. */
async function read(scalars, names) {
  const numbers = {};
  for (const name of names) numbers[name] = (await scalars[name].ref.data())[0];
  tree.dispose(scalars);
  return numbers;
}

/** The model after `count` steps, the mean of each loss over every tenth of them, and what a step takes. */
async function trained(arm, count) {
  const steps = arm.group ? judgedSteps(arm, count) : plainSteps(count);
  const batches = data.batches(items, batchSize, seed);
  const curves = {};
  const times = [];
  const busy = [];
  for (let step = 0; step < count; step++) {
    const batch = await batches(step);
    const [began, used] = [performance.now(), process.cpuUsage()];
    const losses = await steps.step(batch);
    times.push(performance.now() - began);
    const { user, system } = process.cpuUsage(used);
    busy.push((user + system) / 1000);
    const tenth = Math.floor((10 * step) / count);
    for (const [name, value] of Object.entries(losses)) {
      curves[name] ??= Array(10).fill(0);
      curves[name][tenth] += (10 / count) * value;
    }
    if (step % 50 === 0)
      console.log(step, JSON.stringify(losses), `${Math.round(times.at(-1))} ms`);
  }
  const rounded = Object.entries(curves).map(([name, values]) => [name, values.map(round)]);
  return {
    variables: steps.end(),
    ...{ milliseconds: median(times), processor: median(busy) },
    curves: Object.fromEntries(rounded),
  };
}

const median = (list) => round(list.toSorted((a, b) => a - b)[list.length >> 1]);
const round = (x) => Number(x.toPrecision(4));

/** What `vq eval` and recognize.mjs say of the model with these variables; its reconstructions go into `folder`. */
async function judged(variables, folder) {
  mkdirSync(folder, { recursive: true });
  const files = readdirSync(flags.test).filter((name) => name.endsWith(".wav"));
  const sounds = files.map(async (name) => {
    const sound = await openSound(join(flags.test, name));
    return { name, samples: await collected(sound.pieces()) };
  });
  const file = { model, variables, sounds: details.sounds, path: folder };
  const found = await evaluateSounds(file, await Promise.all(sounds), {
    see: ({ sound, made }) =>
      writeFileSync(join(folder, sound.name), wavBytes(made, details.sounds.sampleRate)),
  });
  const { siSdr, mel, logSpectral, bitsPerSecond } = found;
  const script = fileURLToPath(new URL("recognize.mjs", import.meta.url));
  const args = [script, "--known", flags.known, "--decoded", folder];
  const told = spawnSync(process.execPath, args, { encoding: "utf8" }).stdout;
  const [right, of] = /(\d+) of (\d+)/.exec(told).slice(1).map(Number);
  const numbers = { siSdr, mel, logSpectral, bitsPerSecond, digits: right / of };
  return Object.fromEntries(Object.entries(numbers).map(([name, x]) => [name, round(x)]));
}

const path = join(flags.out, "adversarial-speech.json");
const { strides, width, mel: melWeight } = details.settings;
const about = {
  base: { strides, width, steps: details.settings.steps, mel: melWeight },
  ...{ steps, batchSize, seed, rates, featureWeight },
  ...{ date: new Date().toISOString().slice(0, 10), threads: Number(flags.threads) },
  ...{ node: process.versions.node, processor: cpus()[0].model },
};
mkdirSync(flags.runs, { recursive: true });

/** All that was found so far, by other processes too. */
const found = () =>
  existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : { ...about, runs: {} };

if (found().steps !== steps) throw new Error(`${path}: expected ${found().steps} steps`);

function keep(name, run) {
  const results = found();
  results.runs[name] = run;
  console.log(name, JSON.stringify(run));
  writeFileSync(`${path}.new`, `${JSON.stringify(results, null, 1)}\n`);
  renameSync(`${path}.new`, path);
}

async function run(name, arm, count) {
  if (found().runs[name]) return;
  const { variables, ...rest } = await trained(arm, count);
  const saved = join(flags.runs, `${name.replaceAll(/\W+/g, "-")}`);
  keep(name, { steps: count, ...(await judged(variables, saved)), ...rest });
  writeFileSync(`${saved}.safetensors`, await saveModel(model, variables, details));
}

if (!found().runs.base) keep("base", await judged(base.variables, join(flags.runs, "base")));
for (const [name, arm] of Object.entries(arms)) {
  if (name.startsWith(flags.only)) await run(name, arm, steps);
}
const { without, ...others } = found().runs;
const longest = Math.max(...Object.values(others).map(({ processor = 0 }) => processor));
if ("without, as long".startsWith(flags.only) && without && longest > 0) {
  await run("without, as long", {}, Math.round((steps * longest) / without.processor));
}
