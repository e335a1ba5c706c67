/**
 * Writes models as this version saves them, and what they give, to `test/golden/<version>/`. Made once
 * for a release; `golden.test.ts` loads the files of every version.
 *
 *     npm run build && node test/golden/make.mjs
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { numpy as np, random, tree } from "@jax-js/jax";
import { quantizerFromConfig } from "vector-quantize";
import { linear, saveModel, sequential } from "vector-quantize/nn";

const IN = 6;
const configs = {
  vectorQuantize: { type: "vectorQuantize", dim: 8, codebookSize: 16 },
  cosine: {
    type: "vectorQuantize",
    dim: 8,
    codebookSize: 16,
    metric: "cosine",
    heads: 2,
    codebookDim: 4,
  },
  learnable: {
    type: "vectorQuantize",
    dim: 8,
    codebookSize: 16,
    learnableCodebook: true,
    codebookDim: 3,
  },
  affine: { type: "vectorQuantize", dim: 8, codebookSize: 16, affineParam: true },
  residualVQ: { type: "residualVQ", dim: 8, numQuantizers: 3, codebookSize: [16, 8, 4] },
  shared: { type: "residualVQ", dim: 8, numQuantizers: 3, codebookSize: 16, sharedCodebook: true },
  implicit: {
    type: "residualVQ",
    dim: 8,
    numQuantizers: 2,
    codebookSize: 8,
    implicitNeuralCodebook: true,
  },
  groupedResidualVQ: {
    type: "groupedResidualVQ",
    dim: 8,
    groups: 2,
    numQuantizers: 2,
    codebookSize: 8,
  },
  fsq: { type: "fsq", dim: 8, levels: [8, 5, 5] },
  residualFSQ: { type: "residualFSQ", dim: 8, levels: [5, 3, 3], numQuantizers: 3 },
  lfq: { type: "lfq", dim: 8, codebookSize: 64 },
  residualLFQ: { type: "residualLFQ", dim: 8, codebookSize: 16, numQuantizers: 2 },
  simVQ: { type: "simVQ", dim: 8, codebookSize: 16 },
  residualSimVQ: { type: "residualSimVQ", dim: 8, codebookSize: 16, numQuantizers: 2 },
  fsp: { type: "fsp", dim: 8, levels: [4, 4, 4] },
  latentQuantize: { type: "latentQuantize", dim: 8, levels: [4, 3] },
  productVQ: { type: "productVQ", dim: 8, parts: 4, rotation: "learned" },
  randomProjection: { type: "randomProjectionQuantizer", dim: 8, codebookSize: 16, codebookDim: 4 },
};

const { version } = JSON.parse(
  readFileSync(new URL("../../packages/vector-quantize/package.json", import.meta.url), "utf8"),
);
const folder = new URL(`./${version}/`, import.meta.url);
mkdirSync(folder, { recursive: true });
const input = Float32Array.from({ length: 12 * IN }, (_, at) => Math.sin(at * at));
const expected = {};
for (const [name, config] of Object.entries(configs)) {
  const quantizer = quantizerFromConfig(config);
  const model = sequential([linear({ inFeatures: IN, outFeatures: 8 }), quantizer]);
  const variables = model.init(random.key(7));
  const vectors = model.encoder(
    tree.ref(variables.params.encoder),
    np.array(input, { shape: [12, IN] }),
  );
  const own = () => tree.ref({ params: variables.params.quantizer, state: variables.state });
  const indices = await quantizer.encode(own(), vectors);
  expected[name] = {
    indices: [...(await indices.ref.data())],
    decoded: [...(await quantizer.decode(own(), indices).data())],
  };
  writeFileSync(new URL(`${name}.safetensors`, folder), await saveModel(model, variables));
}
writeFileSync(new URL("expected.json", folder), `${JSON.stringify(expected)}\n`);
process.exit(0);
