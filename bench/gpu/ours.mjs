/**
 * Our side of `run.sh`: on WebGPU through Dawn. Writes `ours.json`, one line a result, so that a run that is
 * cut off leaves what it had. A part that fails is a line too.
 */
import "vector-quantize"; // first: it gives jax-js its threads
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  blockUntilReady,
  getWebGPUDevice,
  jit,
  numpy as np,
  random,
  tree,
  valueAndGrad,
} from "@jax-js/jax";
import { vectorQuantize } from "vector-quantize";
import { createSearch } from "vector-quantize/kernels";
import { conv2d } from "vector-quantize/nn";
import { initNode } from "vector-quantize/node";
import { nearestOnShaders } from "../../packages/vector-quantize/dist/search/shader.js";
import { buildModel, buildTrainer } from "../../parity/autoencoder/autoencoder.mjs";
import { clustering, convolutions, gaussian, nameOf, shapes } from "./cases.mjs";

const { values } = parseArgs({
  options: { data: { type: "string" }, quick: { type: "boolean", default: false } },
});
const { data, quick } = values;
const tell = (line) => {
  console.log(JSON.stringify(line));
  appendFileSync(`${data}/ours.json`, `${JSON.stringify(line)}\n`);
};

/** Median wall time of a call, after one that warms up, in milliseconds. */
async function timed(call) {
  await call();
  const times = [];
  for (const begin = performance.now(); times.length < 30 && performance.now() < begin + 3000; ) {
    const from = performance.now();
    await call();
    times.push(performance.now() - from);
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}

/** Measures a part, or says why it could not be measured. */
async function part(id, run) {
  try {
    await run(id);
  } catch (error) {
    tell({ id, side: "ours", skip: String(error).split("\n")[0].slice(0, 160) });
  }
}

/** The version of an installed package. */
function versionOf(name) {
  const path = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).version : "not there";
}

/** A copy: what is read of a small file lies in a buffer with others. */
const numbers = (name) => new Float32Array(Uint8Array.from(readFileSync(`${data}/${name}`)).buffer);

const versions = {
  node: process.version,
  "jax-js": versionOf("@jax-js/jax"),
  webgpu: versionOf("webgpu"),
  "vector-quantize": versionOf("vector-quantize"),
};
try {
  await initNode({ device: "webgpu" });
} catch (error) {
  tell({ ...versions, device: `none: ${error.message}` });
  process.exit(1);
}
const { vendor, architecture, description } = getWebGPUDevice().adapterInfo ?? {};
tell({ ...versions, device: [vendor, architecture, description].filter(Boolean).join(", ") });

for (const shape of shapes(quick)) {
  await part(`search ${nameOf(shape)}`, async (id) => {
    const [n, dim, codes] = shape;
    const [vectors, book] = [
      numbers(`${nameOf(shape)}.vectors`),
      numbers(`${nameOf(shape)}.codes`),
    ];
    const x = np.array(vectors, { shape: [n, dim] });
    const codebook = np.array(book, { shape: [codes, dim] });
    const quantizer = vectorQuantize({ dim, codebookSize: codes });
    const variables = quantizer.withCodebook(quantizer.init(random.key(0)), codebook.ref);
    const own = () => tree.ref(variables);
    const encode = async () => (await quantizer.encode(own(), x.ref)).dispose();
    tell({ id, side: "ours, encode", ms: await timed(encode) });

    const { indices, decided } = await nearestOnShaders(x.ref, codebook, "euclidean");
    const rows = Math.min(n, 1024);
    const search = await createSearch(book, { dim });
    const known = (await search.nearest(vectors.subarray(0, rows * dim))).indices;
    search.dispose();
    const found = await indices.ref.data();
    const wrong = known.filter((index, row) => index !== found[row]).length;
    tell({ id, open: decided / n, wrong, of: rows });

    const update = async () => tree.dispose(await quantizer.update(own(), x.ref, indices.ref));
    tell({ id: `counts and sums ${nameOf(shape)}`, side: "ours, update", ms: await timed(update) });
    const forward = async () => {
      const found = await quantizer.encode(own(), x.ref);
      tree.dispose(await quantizer.update(own(), x.ref, found));
    };
    tell({
      id: `training forward ${nameOf(shape)}`,
      side: "ours, encode and update",
      ms: await timed(forward),
    });
    tree.dispose([indices, variables, x]);
  });
}

const [clusteredRows, clusteredDim, clusters] = clustering(quick);
await part(
  `k-means ${clusteredRows} x ${clusteredDim} x ${clusters}, 10 iterations`,
  async (id) => {
    const sample = numbers("kmeans.vectors");
    const clustered = vectorQuantize({ dim: clusteredDim, codebookSize: clusters });
    const fit = async () => {
      const x = np.array(sample, { shape: [clusteredRows, clusteredDim] });
      const options = { iterations: 10, warn: () => {} };
      const fitted = await clustered.fit(clustered.init(random.key(0)), x, options);
      await blockUntilReady(fitted);
      tree.dispose(fitted);
    };
    tell({ id, side: "ours, fit", ms: await timed(fit) });
  },
);

for (const shape of convolutions(quick)) {
  const [images, side, inChannels, outChannels, kernelSize] = shape;
  const layer = conv2d({ inChannels, outChannels, kernelSize });
  const params = layer.init(random.key(0));
  const x = np
    .array(gaussian(images * side * side * inChannels, 5))
    .reshape([images, side, side, inChannels]);
  const forward = jit((weights, input) => layer.apply(weights, input));
  const square = (both) => np.square(layer.apply(...both)).sum();
  const way = jit((weights, input) => valueAndGrad(square)([weights, input]));
  const run = (call) => async () => {
    const answer = call(tree.ref(params), x.ref);
    await blockUntilReady(answer);
    tree.dispose(answer);
  };
  await part(`convolution ${nameOf(shape)}`, async (id) => {
    tell({ id, side: "ours, by jax-js", ms: await timed(run(forward)) });
  });
  await part(`convolution and its gradients ${nameOf(shape)}`, async (id) => {
    tell({ id, side: "ours, by jax-js", ms: await timed(run(way)) });
  });
  tree.dispose([params, x]);
}

const images = quick ? 2 : 256;
await part(`autoencoder, ${images} images, 512 codes`, async (id) => {
  const trainer = buildTrainer(buildModel({ codes: 512 }));
  const batch = np.clip(np.array(gaussian(images * 784, 4)), -1, 1).reshape([images, 28, 28, 1]);
  let state = trainer.init(random.key(0));
  const step = async () => {
    const { state: next, metrics } = await trainer.trainStep(state, batch.ref);
    state = next;
    await blockUntilReady([state, metrics]);
    tree.dispose(metrics);
  };
  tell({ id, side: "ours, trainStep", ms: await timed(step) });
});
process.exit(0);
