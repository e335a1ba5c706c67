import { type ContractRow, holdsContract } from "../../../../test/support/contract.ts";
import { fsq } from "./fsq.ts";
import { vectorQuantize } from "./vectorQuantize.ts";

const base = { dim: 6, codebookSize: 12 };
const rows: ContractRow[] = [
  { name: "euclidean", make: () => vectorQuantize(base), shape: [3, 5, 6] },
  { name: "one token", make: () => vectorQuantize(base), shape: [7, 6] },
  { name: "cosine", make: () => vectorQuantize({ ...base, metric: "cosine" }), shape: [3, 5, 6] },
  { name: "projected", make: () => vectorQuantize({ ...base, codebookDim: 3 }), shape: [3, 5, 6] },
  {
    name: "straight through",
    make: () => vectorQuantize({ ...base, gradient: "straightThrough" }),
    shape: [3, 5, 6],
  },
  {
    name: "channel first",
    make: () => vectorQuantize({ ...base, layout: "channelFirst" }),
    shape: [2, 6, 5],
  },
  {
    name: "channel first, one token",
    make: () => vectorQuantize({ ...base, layout: "channelFirst" }),
    shape: [4, 6],
  },
  { name: "image", make: () => vectorQuantize({ ...base, layout: "image" }), shape: [2, 6, 3, 4] },
  {
    name: "projected image",
    make: () => vectorQuantize({ ...base, layout: "image", codebookDim: 4 }),
    shape: [2, 6, 3, 4],
  },
  {
    name: "video",
    make: () => vectorQuantize({ ...base, layout: "video" }),
    shape: [2, 6, 2, 3, 2],
  },
  {
    name: "cross-entropy commitment",
    make: () => vectorQuantize({ ...base, commitment: "crossEntropy" }),
    shape: [3, 5, 6],
  },
  {
    name: "no commitment",
    make: () => vectorQuantize({ ...base, commitmentWeight: 0 }),
    shape: [3, 5, 6],
  },
  {
    name: "dead codes replaced",
    make: () => vectorQuantize({ ...base, thresholdEmaDeadCode: 2 }),
    shape: [3, 5, 6],
  },
  {
    name: "dead codes by share",
    make: () => vectorQuantize({ ...base, thresholdEmaDeadCode: { share: 0.5 } }),
    shape: [3, 5, 6],
  },
  {
    name: "stochastic",
    make: () => vectorQuantize({ ...base, stochasticSampleCodes: true }),
    shape: [3, 5, 6],
    samples: true,
  },
  {
    name: "frozen",
    make: () => vectorQuantize({ ...base, freezeCodebook: true }),
    shape: [3, 5, 6],
    moves: false,
  },
  {
    name: "without moving averages",
    make: () => vectorQuantize({ ...base, emaUpdate: false }),
    shape: [3, 5, 6],
    moves: false,
  },
  { name: "one code", make: () => vectorQuantize({ dim: 6, codebookSize: 1 }), shape: [3, 5, 6] },
  { name: "one feature", make: () => vectorQuantize({ dim: 1, codebookSize: 5 }), shape: [9, 1] },

  { name: "fsq", make: () => fsq({ levels: [8, 5, 5] }), shape: [3, 5, 3], moves: false },
  {
    name: "fsq, projected codebooks",
    make: () => fsq({ levels: [4, 3], dim: 5, numCodebooks: 3, projectionHasBias: false }),
    shape: [3, 5, 5],
    moves: false,
  },
  {
    name: "fsq, rotated, noisy, symmetric",
    make: () =>
      fsq({
        levels: [4, 4],
        preserveSymmetry: true,
        noiseDropout: 0.5,
        orthogonalRotation: true,
      }),
    shape: [7, 2],
    moves: false,
  },
  {
    name: "fsq, image of codebooks",
    make: () => fsq({ levels: [5, 3], numCodebooks: 2, layout: "image" }),
    shape: [2, 4, 3, 4],
    moves: false,
  },
  {
    name: "fsq, channel first, clamped",
    make: () =>
      fsq({ levels: [5], layout: "channelFirst", boundHardClamp: true, keepNumCodebooksDim: true }),
    shape: [2, 1, 5],
    moves: false,
  },
  {
    name: "fsq, past int32, video",
    make: () => fsq({ levels: Array(11).fill(8), layout: "video" }),
    shape: [2, 11, 2, 3, 2],
    moves: false,
  },
];

holdsContract(rows);
