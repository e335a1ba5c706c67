import { numpy as np, random } from "@jax-js/jax";
import { type ContractRow, holdsContract } from "../../../../../test/support/contract.ts";
import type { Projection } from "../../layout/linear.ts";
import { sgd } from "../../train/optimizers.ts";
import { vectorQuantize } from "../vectorQuantize.ts";
import type { CodebookBridge } from "./bridge.ts";
import type { VectorQuantizeOptions } from "./options.ts";

const base = { dim: 6, codebookSize: 12 };
const heads = { heads: 2, codebookDim: 3 };
const separate = { ...heads, separateCodebookPerHead: true };

const vq = (
  name: string,
  options: Partial<VectorQuantizeOptions>,
  row: Partial<ContractRow> = {},
): ContractRow => ({
  name,
  make: () => vectorQuantize({ ...base, ...options }),
  shape: [3, 5, 6],
  ...row,
});

const linear: CodebookBridge = {
  name: "linear",
  init: (key, C) => ({ weight: random.normal(key, [C, C]), bias: np.zeros([C]) }),
  apply(params, codebook) {
    const { weight, bias } = params as Projection;
    return np.matmul(codebook, weight).add(bias);
  },
};
const descent = { name: "descent", optimizer: sgd(0.1, { momentum: 0.9 }) };
const halved = {
  name: "halved",
  weight(sums: np.Array, counts: np.Array) {
    sums.dispose();
    return np.full(counts.shape, 0.5);
  },
};

/** Training compares codes that the step has moved, so its indices are not those of `encode`. */
const movesFirst = { samples: true };
const rests = { moves: false };

holdsContract([
  vq("heads", heads),
  vq("heads with codebooks of their own", separate),
  vq("projected heads", { heads: 3, codebookDim: 4, separateCodebookPerHead: true }),
  vq("projected heads of one codebook", { heads: 3, codebookDim: 4, metric: "cosine" }),
  vq("image heads", { ...separate, layout: "image" }, { shape: [2, 6, 3, 4] }),
  vq("channel-first heads", { ...heads, layout: "channelFirst" }, { shape: [2, 6, 5] }),
  vq("one token of heads", separate, { shape: [7, 6] }),
  vq("dead codes of heads", { ...separate, thresholdEmaDeadCode: 2 }),
  vq("layer normalisation", { codebookDim: 4, layernormAfterProjectIn: true }),
  vq("learnable", { learnableCodebook: true }, rests),
  vq("learnable, dead codes", { learnableCodebook: true, thresholdEmaDeadCode: 2 }),
  vq(
    "learnable heads, cross-entropy",
    {
      ...separate,
      learnableCodebook: true,
      commitment: "crossEntropy",
    },
    rests,
  ),
  vq("learnable, synchronous", { learnableCodebook: true, syncUpdateV: 0.5 }, rests),
  vq("orthogonal", { orthogonalRegWeight: 1 }),
  vq("orthogonal, active codes of heads", {
    ...separate,
    orthogonalRegWeight: 1,
    orthogonalRegActiveCodesOnly: true,
  }),
  vq("orthogonal, some codes", { orthogonalRegWeight: 1, orthogonalRegMaxCodes: 5 }),
  vq("diversity", { codebookDiversityLossWeight: 0.1, codebookDiversityTemperature: 1 }),
  vq("affine", { affineParam: true }, movesFirst),
  vq("affine heads, projected", { ...separate, codebookDim: 2, affineParam: true }, movesFirst),
  vq("affine, learnable", { affineParam: true, learnableCodebook: true }, movesFirst),
  vq("affine, frozen", { affineParam: true, freezeCodebook: true }, rests),
  vq("bridge", { vqBridge: linear }, { ...rests, objects: [linear] }),
  vq(
    "affine bridge",
    { vqBridge: linear, affineParam: true },
    { ...movesFirst, objects: [linear] },
  ),
  // Its key is split, so `update` replaces dead codes by other vectors.
  vq("directional", { gradient: "directional", thresholdEmaDeadCode: 2 }, { samples: true }),
  vq("gumbel", { gradient: "gumbel", stochasticSampleCodes: true }, { samples: true }),
  vq("gumbel without draws", { gradient: "gumbel" }),
  vq("no gradient to the input", { gradient: "none" }),
  vq(
    "in-place optimizer",
    { learnableCodebook: true, inPlaceCodebookOptimizer: descent },
    { ...movesFirst, objects: [descent] },
  ),
  vq(
    "in-place optimizer of affine heads, by hand",
    {
      ...separate,
      affineParam: true,
      learnableCodebook: true,
      inPlaceCodebookOptimizer: descent,
      manualInPlaceOptimizerUpdate: true,
    },
    { ...movesFirst, objects: [descent] },
  ),
  vq("averages by hand", { manualEmaUpdate: true }),
  vq("weighted averages", { emaUpdateWeight: halved }, { objects: [halved] }),
]);
