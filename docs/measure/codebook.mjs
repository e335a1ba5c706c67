/**
 * What the settings of the codebook do by themselves: `vectorQuantize` follows the patches of the built-in
 * pictures, 4 x 4 pixels, without a network around it. Writes results/codebook-shapes.json.
 *
 *   node docs/measure/codebook.mjs
 */
import "vector-quantize"; // first: jax-js must find the threads when it loads
import { writeFileSync } from "node:fs";
import { numpy as np, random, tree } from "@jax-js/jax";
import { codeCounts, perplexity, psnr, usedCodes, vectorQuantize } from "vector-quantize";
import { hostRandom, shapeImages, toFloats } from "vector-quantize/data";
import { initNode } from "vector-quantize/node";

const [dim, codes, batch, steps] = [48, 1024, 1024, 200];
const usual = { decay: 0.9, thresholdEmaDeadCode: { share: 0.1 } };
const rows = {
  "decay 0.9, replaced below a share of 0.1": {},
  "decay 0.5": { decay: 0.5 },
  "decay 0.8": { decay: 0.8 },
  "decay 0.99": { decay: 0.99 },
  "decay 0.999": { decay: 0.999 },
  "never replaced": { thresholdEmaDeadCode: 0 },
  "replaced below a share of 0.01": { thresholdEmaDeadCode: { share: 0.01 } },
  "replaced below a share of 0.5": { thresholdEmaDeadCode: { share: 0.5 } },
  "replaced below 0.1 uses a step": { thresholdEmaDeadCode: 0.1 },
  "replaced below 2 uses a step": { thresholdEmaDeadCode: 2 },
  "no k-means": { fit: false },
  "no k-means, never replaced": { fit: false, thresholdEmaDeadCode: 0 },
  "no k-means, decay 0.99": { fit: false, decay: 0.99 },
};

/** Patches `[N, 48]` of so many pictures, one behind another. */
function patches(count, seed) {
  const images = shapeImages({ count, seed });
  const floats = toFloats(images, [...Array(count).keys()]);
  const found = new Float32Array(floats.length);
  for (let i = 0; i < floats.length; i++) {
    const channel = i % 3;
    const x = Math.floor(i / 3) % 32;
    const y = Math.floor(i / 96) % 32;
    const patch = 64 * Math.floor(i / 3072) + 8 * (y >> 2) + (x >> 2);
    found[dim * patch + 12 * (y & 3) + 3 * (x & 3) + channel] = floats[i];
  }
  return found;
}

const array = (floats) => np.array(floats, { shape: [floats.length / dim, dim] });

async function follow({ fit = true, ...options }, train, test, seed) {
  const quantizer = vectorQuantize({ dim, codebookSize: codes, ...usual, ...options });
  let { params, state } = quantizer.init(random.key(seed));
  const draw = hostRandom(seed, 0);
  const next = (count) => {
    const floats = new Float32Array(count * dim);
    for (let i = 0; i < count; i++) {
      const at = dim * draw.below(train.length / dim);
      floats.set(train.subarray(at, at + dim), dim * i);
    }
    return array(floats);
  };
  if (fit) ({ params, state } = await quantizer.fit({ params, state }, next(16 * batch)));
  for (let step = 0; step < steps; step++) {
    const x = next(batch);
    const indices = await quantizer.encode(tree.ref({ params, state }), x.ref);
    const key = random.key(1000 * seed + step);
    state = await quantizer.update({ params, state }, x, indices, { key });
  }
  const indices = await quantizer.encode(tree.ref({ params, state }), array(test));
  const counts = codeCounts(await indices.ref.data(), codes);
  const output = await quantizer.decode({ params, state }, indices).data();
  let error = 0;
  for (let i = 0; i < test.length; i++) error += (test[i] - output[i]) ** 2 / test.length;
  const round = (v) => Number(v.toPrecision(4));
  return {
    quality: round(psnr(error, 2)),
    used: round(usedCodes(counts) / codes),
    perplexity: round(perplexity(counts) / codes),
  };
}

await initNode({ threads: 1 });
const [train, test] = [patches(1000, 1), patches(500, 2)];
const runs = {};
for (const [name, options] of Object.entries(rows)) {
  runs[name] = {};
  for (const seed of [0, 1, 2]) {
    runs[name][seed] = await follow(options, train, test, seed);
    console.log(seed, name, runs[name][seed]);
  }
}
const date = new Date().toISOString().slice(0, 10);
const results = { group: "codebook", data: "shapes", steps, batchSize: batch, date, runs };
const url = new URL("results/codebook-shapes.json", import.meta.url);
writeFileSync(url, `${JSON.stringify(results, null, 1)}\n`);
