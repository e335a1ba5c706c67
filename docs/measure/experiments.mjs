/**
 * What is trained side by side. A row says how its quantizer is made, and what else is not as usual:
 *
 * - `fit: false`: codes start as drawn, not by k-means
 * - `plain`: the model has no normalisation before the quantizer
 * - `scale`: the vectors are multiplied by it
 * - `byLayers`: evaluated with the first layers alone, too
 */
import { numpy as np } from "@jax-js/jax";
import {
  fsp,
  fsq,
  hierarchicalVQ,
  latentQuantize,
  lfq,
  residualFSQ,
  residualLFQ,
  residualSimVQ,
  residualVQ,
  simVQ,
  vectorQuantize,
} from "vector-quantize";
import { balanced, ibq } from "./candidates.mjs";

const dim = 8;
const levels = [8, 5, 5, 5]; // 1,000 codes
/** What the library's own autoencoder takes: unused codes are replaced, codes follow fast. */
const usual = { decay: 0.9, commitmentWeight: 0.25, thresholdEmaDeadCode: { share: 0.1 } };
const vq = (options) => vectorQuantize({ dim, codebookSize: 1024, ...usual, ...options });
const rvq = (options) =>
  residualVQ({ dim, codebookSize: 32, numQuantizers: 2, ...usual, ...options });
const lookupFree = (options) => lfq({ codebookSize: 1024, ...options });
const small = { dim, codebookSize: 32, numQuantizers: 2 };
const fsqLevels = [7, 5, 5, 5]; // odd, where the bound has no shift
const own = {
  name: "absolute",
  loss: ({ vectors, codes }) => np.mean(np.abs(vectors.sub(codes))),
};

/** Every family, at 10 bits for a vector. */
const families = {
  vectorQuantize: { make: () => vq() },
  "vectorQuantize, cosine": { make: () => vq({ metric: "cosine" }) },
  "vectorQuantize, 2 heads of 32": {
    make: () => vq({ codebookSize: 32, heads: 2, codebookDim: 4, separateCodebookPerHead: true }),
  },
  "residualVQ, 2 x 32": { make: () => rvq() },
  simVQ: { make: () => simVQ({ dim, codebookSize: 1024 }) },
  "residualSimVQ, 2 x 32": { make: () => residualSimVQ(small) },
  fsq: { make: () => fsq({ levels }) },
  "residualFSQ, 2 x 32": { make: () => residualFSQ({ levels: [4, 4, 2], numQuantizers: 2 }) },
  lfq: { make: () => lookupFree() },
  "lfq, spherical": { make: () => lookupFree({ spherical: true }) },
  "residualLFQ, 2 x 32": { make: () => residualLFQ({ ...small, dim: 5 }) },
  latentQuantize: { make: () => latentQuantize({ levels, dim: 4 }) },
  fsp: { make: () => fsp({ levels, quantizeRate: 0.5 }) },
  hierarchicalVQ: {
    pictures: true, // 85 codes of 7.5 bits where the others have 64 of 10
    make: () =>
      hierarchicalVQ({ dim, codebookSize: 184, scales: [1, 2, 4, 8], commitmentWeight: 0.25 }),
  },
};

/** What `vectorQuantize`'s and others' options do. */
const settings = {
  "vectorQuantize, as above": { make: () => vq() },
  "gradient straightThrough": { make: () => vq({ gradient: "straightThrough" }) },
  "gradient gumbel": { make: () => vq({ gradient: "gumbel" }) },
  "gradient directional": { make: () => vq({ gradient: "directional", commitmentWeight: 0 }) },
  "learnableCodebook, none replaced": {
    make: () => vq({ learnableCodebook: true, commitmentWeight: 1, thresholdEmaDeadCode: 0 }),
  },
  "decay 0.5": { make: () => vq({ decay: 0.5 }) },
  "decay 0.8": { make: () => vq({ decay: 0.8 }) },
  "decay 0.99": { make: () => vq({ decay: 0.99 }) },
  "decay 0.999": { make: () => vq({ decay: 0.999 }) },
  "none replaced": { make: () => vq({ thresholdEmaDeadCode: 0 }) },
  "replaced below 0.1 uses a step": { make: () => vq({ thresholdEmaDeadCode: 0.1 }) },
  "replaced below 2 uses a step": { make: () => vq({ thresholdEmaDeadCode: 2 }) },
  "replaced below a share of 0.01": { make: () => vq({ thresholdEmaDeadCode: { share: 0.01 } }) },
  "replaced below a share of 0.5": { make: () => vq({ thresholdEmaDeadCode: { share: 0.5 } }) },
  "no k-means": { fit: false, make: () => vq() },
  "no k-means, none replaced": { fit: false, make: () => vq({ thresholdEmaDeadCode: 0 }) },
  "codes of 4 features": { make: () => vq({ codebookDim: 4 }) },
  "codes of 2 features": { make: () => vq({ codebookDim: 2 }) },
  "codes of 32 features": { make: () => vq({ dim: 32 }) },
  "cosine, 8 features": { make: () => vq({ metric: "cosine" }) },
  "cosine, 4 features": { make: () => vq({ metric: "cosine", codebookDim: 4 }) },
  "cosine, 32 features": { make: () => vq({ metric: "cosine", dim: 32 }) },
  "lfq, entropyLossWeight 0": { make: () => lookupFree({ entropyLossWeight: 0 }) },
  "lfq, entropyLossWeight 0.01": { make: () => lookupFree({ entropyLossWeight: 0.01 }) },
  "lfq, entropyLossWeight 0.1": { make: () => lookupFree() },
  "lfq, entropyLossWeight 1": { make: () => lookupFree({ entropyLossWeight: 1 }) },
  "fsq [7, 5, 5, 5], tanh": { make: () => fsq({ levels: fsqLevels }) },
  "fsq [7, 5, 5, 5], iFSQ's activation": { scale: 0.8, make: () => fsq({ levels: fsqLevels }) },
};

const weighted = (more) =>
  [0, 0.25, 1, 10].map((weight) => [
    `weight ${weight}${more ? ", no normalisation" : ""}`,
    // At 0 the loss is not computed; this much is as good as nothing, and shows its curve.
    { ...more, make: () => vq({ commitmentWeight: weight || 1e-12 }) },
  ]);
const commitment = {
  ...Object.fromEntries([...weighted(), ...weighted({ plain: true })]),
  "crossEntropy, weight 0.25": { make: () => vq({ commitment: "crossEntropy" }) },
  "crossEntropy, weight 0.01": {
    make: () => vq({ commitment: "crossEntropy", commitmentWeight: 0.01 }),
  },
  "own function (absolute error), weight 0.25": { make: () => vq({ commitment: own }) },
};

/** The bounds of `residualFSQ`, and residual layers evaluated by their first ones. */
const finite = (options) => residualFSQ({ levels: [5, 5, 5], numQuantizers: 3, ...options });
const bounds = Object.fromEntries(
  ["softClamp", "bound", "boundNormalized", "none"].map((name) => [
    name,
    { byLayers: 3, make: () => finite({ bounds: name }) },
  ]),
);
const four = { numQuantizers: 4, codebookSize: 32 };
const finer = (options) => residualFSQ({ levels: [4, 4, 2], numQuantizers: 4, ...options });
const residual = {
  "residualVQ, 4 x 32": { byLayers: 4, make: () => rvq(four) },
  "residualVQ, 4 x 32, dropout": {
    byLayers: 4,
    make: () => rvq({ ...four, quantizeDropout: true }),
  },
  "residualVQ, 4 x 32, shared codebook": {
    byLayers: 4,
    make: () => rvq({ ...four, sharedCodebook: true }),
  },
  "residualFSQ, 4 x 32": { byLayers: 4, make: () => finer() },
  "residualFSQ, 4 x 32, dropout": { byLayers: 4, make: () => finer({ quantizeDropout: true }) },
};

/** Ways of the gradient, for trainings that are longer. */
const ways = (name, make) =>
  ["rotation", "straightThrough"].map((gradient) => [
    `${name}, ${gradient}`,
    { make: () => make({ gradient }) },
  ]);
const gradients = {
  ...Object.fromEntries([
    ...ways("vectorQuantize", vq),
    ...ways("vectorQuantize, cosine", (options) => vq({ metric: "cosine", ...options })),
    ...ways("residualVQ, 2 x 32", rvq),
    ...ways("simVQ", (options) => simVQ({ dim, codebookSize: 1024, ...options })),
  ]),
  "vectorQuantize, directional": {
    make: () => vq({ gradient: "directional", commitmentWeight: 0 }),
  },
};

const learned = { codebookSize: 1024, dim };
const learns = { learnableCodebook: true, commitmentWeight: 0.25, thresholdEmaDeadCode: 0 };
/** What others do for a codebook that learns by gradients. */
const candidates = {
  "vectorQuantize, averages": { make: () => vq() },
  "vectorQuantize, learnableCodebook": { make: () => vq(learns) },
  "IBQ's gradient": { make: () => ibq(learned) },
  "IBQ's gradient, no entropy loss": { make: () => ibq({ ...learned, entropyWeight: 0 }) },
  "IBQ's gradient, temperature 0.1": { make: () => ibq({ ...learned, temperature: 0.1 }) },
  "balanced (Sinkhorn)": { make: () => balanced(learned) },
};

export const groups = { candidates, families, settings, gradients, commitment, bounds, residual };
