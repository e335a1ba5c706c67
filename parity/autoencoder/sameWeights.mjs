/**
 * Trains ours from the initial weights and on the batches of the reference's seven examples, as
 * `originals.py --record` wrote them, and compares the curves: README.md tells how.
 *
 *   node parity/autoencoder/sameWeights.mjs --images t10k-images-idx3-ubyte.gz --runs runs/examples
 */
import "vector-quantize"; // first: jax-js must find the threads when it loads
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { nn, numpy as np, random } from "@jax-js/jax";
import { fsp, fsq, hierarchicalVQ, lfq, simVQ, vectorQuantize } from "vector-quantize";
import {
  conv2d,
  gelu,
  groupNorm,
  maxPool,
  permute,
  sequential,
  upsample,
} from "vector-quantize/nn";
import { initNode } from "vector-quantize/node";
import { readSafetensors } from "vector-quantize/safetensors";
import { networkFromTorch } from "vector-quantize/torch";
import { adamw, createTrainer, sgd } from "vector-quantize/train";
import { batchOf, readImages, train } from "./autoencoder.mjs";

const { values: flags } = parseArgs({
  options: {
    images: { type: "string" },
    runs: { type: "string", default: "runs/examples" },
    threads: { type: "string", default: "2" },
    only: { type: "string", default: "" },
  },
});

const conv = (inChannels, outChannels, kernelSize = 3) =>
  conv2d({ inChannels, outChannels, kernelSize });
const example = (...parts) =>
  sequential([
    ...[conv(1, 16), maxPool(), gelu(), conv(16, 32), maxPool()],
    ...parts,
    ...[upsample(), conv(32, 16), gelu(), upsample(), conv(16, 1)],
  ]);

/** PyTorch's `Linear`: its names and layout. */
const weights = (outputs, inputs) => ({ weight: np.zeros([outputs, inputs]) });
const biased = (outputs, inputs) => ({ ...weights(outputs, inputs), bias: np.zeros([outputs]) });
const through = ({ weight, bias }, x) => {
  const product = np.matmul(x, weight.transpose());
  return bias ? product.add(bias) : product;
};

const normed = (x, { gamma }) => {
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  return centred.div(np.sqrt(variance.add(1e-5))).mul(gamma.add(1)); // kept as the distance from 1
};

/** `VQBridgeViT(dim=256, depth=1, heads=4, num_registers=2)` by the names of x-transformers. */
const vqBridge = {
  name: "VQBridgeViT",
  init(key, codeDim) {
    key.dispose();
    const square = () => weights(256, 256);
    const norm = () => ({ gamma: np.zeros([256]) });
    const attention = { to_q: square(), to_k: square(), to_v: square(), to_out: square() };
    const ff = { 0: { 0: biased(1024, 256) }, 2: biased(256, 1024) };
    return {
      memory_tokens: np.zeros([2, 256]),
      attn_layers: {
        layers: { 0: { 0: { 0: norm() }, 1: attention }, 1: { 0: { 0: norm() }, 1: { ff } } },
      },
      project_in: { 1: weights(256, codeDim) },
      project_out: { 0: weights(codeDim, 256) },
    };
  },
  apply({ memory_tokens, attn_layers, project_in, project_out }, codes) {
    const { 0: first, 1: second } = attn_layers.layers;
    const rows = np.concatenate([memory_tokens, through(project_in[1], codes)], 0);
    const x = normed(rows.ref, first[0][0]);
    const split = (each) => each.reshape([-1, 4, 64]).transpose([1, 0, 2]);
    const query = split(through(first[1].to_q, x.ref));
    const key = split(through(first[1].to_k, x.ref)).transpose([0, 2, 1]);
    const value = split(through(first[1].to_v, x));
    const scores = nn.softmax(np.matmul(query, key).div(8), -1);
    const seen = np.matmul(scores, value).transpose([1, 0, 2]).reshape([-1, 256]);
    const middle = rows.add(through(first[1].to_out, seen));
    const { 0: widen, 2: narrow } = second[1].ff;
    const hidden = nn.gelu(through(widen[0], normed(middle.ref, second[0][0])), {
      approximate: false,
    });
    return through(project_out[0], middle.add(through(narrow, hidden)).slice([2]));
  },
};

const codebookTransform = {
  name: "MLP",
  init(key) {
    key.dispose();
    return { 0: biased(128, 32), 2: biased(32, 128) };
  },
  apply: (params, codes) => through(params[2], nn.relu(through(params[0], codes))),
};

const normalization = {
  config: { type: "normalization" },
  init(key) {
    key.dispose();
    return {};
  },
  apply: (_, x) =>
    groupNorm({ groups: 4, channels: 32 }).apply(
      { weight: np.ones([32]), bias: np.zeros([32]) },
      x,
    ),
};

const renumbered = (to) => (name) => name.replace(/^fns\.(\d+)/, (_, part) => `fns.${to(+part)}`);
const three = (quantizer) => example(conv(32, 3, 1), quantizer, conv(3, 32));
const features = { dim: 32, codebookSize: 256 };
const inPlace = { name: "sgd", optimizer: sgd(1e-3) };
const rows = {
  vq: { weight: 10, make: () => example(vectorQuantize(features)) },
  fsq: { make: () => three(fsq({ levels: [8, 6, 5] })) },
  lfq: {
    make: () =>
      example(
        ...[normalization, conv(32, 8, 1)],
        lfq({ codebookSize: 256, entropyLossWeight: 0.02, spherical: true }),
        conv(8, 32),
      ),
  },
  simvq: { make: () => example(simVQ({ ...features, codebookTransform })) },
  hierarchical: {
    weight: 10,
    make: () =>
      example(
        permute({ axes: [0, 3, 1, 2] }),
        hierarchicalVQ({ dim: 32, codebookSize: 512, scales: [1, 2, 4, 7] }),
        permute({ axes: [0, 2, 3, 1] }),
      ),
    rename: renumbered((part) => part + (part < 5 ? 0 : part === 5 ? 1 : 2)),
  },
  fsp: { make: () => three(fsp({ levels: [8, 6, 5], quantizeRate: 0.5 })) },
  fvq: {
    weight: 10,
    make: () =>
      example(
        vectorQuantize({
          ...{ ...features, vqBridge, learnableCodebook: true },
          ...{ gradient: "straightThrough", inPlaceCodebookOptimizer: inPlace },
        }),
      ),
  },
};

const HELD = 1000; // images that originals.py counts the codes in use on

/** The share of all codes that the images held back have. */
async function used(trainer, model, state, images) {
  const first = images.floats.length / (images.height * images.width) - HELD;
  const held = batchOf(
    images,
    Array.from({ length: HELD }, (_, i) => first + i),
  );
  const { indices } = await trainer.evaluate(trainer.averaged(state), held);
  const [count = 1] = model.quantizer.codebookSizes;
  return new Set(await indices.data()).size / count;
}

const mean = (list) => list.reduce((sum, v) => sum + v, 0) / list.length;
const smooth = (curve) => curve.slice(19).map((_, i) => mean(curve.slice(i, i + 20)));
const percent = (share) => `${(100 * share).toFixed(2)} %`;

async function compare(images, file) {
  const { make, weight = 1, rename } = rows[file.split("-")[0]];
  const { tensors } = readSafetensors(await readFile(join(flags.runs, file)));
  const { batches, losses, ...others } = tensors;
  const [steps, size] = batches.shape;
  const [order, theirs] = [await batches.data(), [...(await losses.data())]];
  const initial = Object.fromEntries(
    Object.entries(others).map(([name, array]) => [name.replace("initial/", ""), array]),
  );
  const model = make();
  const trainer = createTrainer(model, {
    ...{ optimizer: adamw(3e-4), loss: "l1", clamp: true, quantizerWeight: weight },
  });
  const variables = networkFromTorch(model, initial, rename ? { rename } : {});
  const numbers = Array.from({ length: steps }, (_, i) =>
    Array.from(order.subarray(i * size, (i + 1) * size)),
  );
  const began = performance.now();
  const run = await train(trainer, trainer.start(variables, random.key(0)), images, numbers);
  const milliseconds = (performance.now() - began) / steps;
  const share = await used(trainer, model, run.state, images);
  const ours = run.losses.reconstruction;
  const [a, b] = [smooth(ours), smooth(theirs)];
  const differences = a.map((value, i) => Math.abs(value - b[i]) / b[i]);
  const ends = [ours, theirs].map((curve) => mean(curve.slice(-50)));
  console.log(
    `${file}: last 50 of ${steps} steps ${ends[0].toFixed(4)}, original ${ends[1].toFixed(4)}, ` +
      `${percent(ends[0] / ends[1] - 1)}; smoothed over 20 steps mean ${percent(mean(differences))}, ` +
      `largest ${percent(Math.max(...differences))}; ${percent(share)} of the codes in use, ` +
      `${milliseconds.toFixed(0)} ms a step`,
  );
}

if (flags.images === undefined) throw new Error("--images: expected a path, got none");
await initNode({ threads: Number(flags.threads) });
const images = await readImages(flags.images, Number.POSITIVE_INFINITY);
for (const file of (await readdir(flags.runs)).sort()) {
  if (file.includes(flags.only)) await compare(images, file);
}
