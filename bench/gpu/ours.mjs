/**
 * Our side of `run.sh`: on WebGPU through Dawn. Writes the data of each shape for the peers, and
 * `ours.json`, one line a result, so that a run that is cut off leaves what it had.
 */
import "vector-quantize"; // first: it gives jax-js its threads
import { appendFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { blockUntilReady, getWebGPUDevice, numpy as np, random, tree } from "@jax-js/jax";
import { vectorQuantize } from "vector-quantize";
import { createSearch } from "vector-quantize/kernels";
import { initNode } from "vector-quantize/node";
import { nearestOnShaders } from "../../packages/vector-quantize/dist/search/shader.js";
import { buildModel, buildTrainer } from "../../parity/autoencoder/autoencoder.mjs";
import { gaussian, nameOf, shapes } from "./cases.mjs";

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

await initNode({ device: "webgpu" });
const { vendor, architecture, description } = getWebGPUDevice().adapterInfo ?? {};
tell({
  device: [vendor, architecture, description].filter(Boolean).join(", "),
  node: process.version,
});

for (const shape of shapes(quick)) {
  const [n, dim, codes] = shape;
  const of = `${data}/${nameOf(shape)}`;
  const [vectors, book] = [gaussian(n * dim, 1), gaussian(codes * dim, 2)];
  writeFileSync(`${of}.vectors`, vectors);
  writeFileSync(`${of}.codes`, book);
  const x = np.array(vectors, { shape: [n, dim] });
  const codebook = np.array(book, { shape: [codes, dim] });
  const quantizer = vectorQuantize({ dim, codebookSize: codes });
  const variables = quantizer.withCodebook(quantizer.init(random.key(0)), codebook.ref);
  const own = () => tree.ref(variables);
  const encode = async () => (await quantizer.encode(own(), x.ref)).dispose();
  const id = `search ${nameOf(shape)}`;
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
  tree.dispose([indices, variables, x]);
}

const [n, dim, codes] = quick ? [1024, 8, 16] : [65536, 64, 1024];
const sample = gaussian(n * dim, 3);
writeFileSync(`${data}/kmeans.vectors`, sample);
const clustered = vectorQuantize({ dim, codebookSize: codes });
const fit = async () => {
  const x = np.array(sample, { shape: [n, dim] });
  const options = { iterations: 10, warn: () => {} };
  const fitted = await clustered.fit(clustered.init(random.key(0)), x, options);
  await blockUntilReady(fitted);
  tree.dispose(fitted);
};
tell({
  id: `k-means ${n} x ${dim} x ${codes}, 10 iterations`,
  side: "ours, fit",
  ms: await timed(fit),
});

const images = quick ? 2 : 256;
const trainer = buildTrainer(buildModel({ codes: 512 }));
const batch = np.clip(np.array(gaussian(images * 784, 4)), -1, 1).reshape([images, 28, 28, 1]);
let state = trainer.init(random.key(0));
const step = async () => {
  const { state: next, metrics } = await trainer.trainStep(state, batch.ref);
  state = next;
  await blockUntilReady([state, metrics]);
  tree.dispose(metrics);
};
tell({
  id: `autoencoder, ${images} images, 512 codes`,
  side: "ours, trainStep",
  ms: await timed(step),
});
process.exit(0);
