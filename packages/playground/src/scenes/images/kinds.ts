import type { QuantizerKind } from "../codebook/kinds.ts";

const codebook = {
  decay: 0.9,
  commitmentWeight: 0.25,
  thresholdEmaDeadCode: { share: 0.1 },
  gradient: "straightThrough",
};

/** Quantizers for pictures, each with options that train well. */
export const imageKinds: Readonly<Record<string, QuantizerKind>> = {
  vectorQuantize: {
    name: "vectorQuantize",
    says: "One codebook that follows the vectors of the encoder.",
    options: { dim: 8, codebookSize: 256, ...codebook },
    shown: ["codebookSize", "commitmentWeight", "decay", "gradient"],
  },
  residualVQ: {
    name: "residualVQ",
    says: "Several codebooks, each for what the ones before left: more bits, finer pictures.",
    options: { dim: 8, codebookSize: 64, numQuantizers: 3, ...codebook },
    shown: ["codebookSize", "numQuantizers", "commitmentWeight", "gradient"],
  },
  simVQ: {
    name: "simVQ",
    says: "A random codebook behind a trained linear map, which moves all codes at once.",
    options: { dim: 8, codebookSize: 256 },
    shown: ["codebookSize", "commitmentWeight"],
  },
  fsq: {
    name: "fsq",
    says: "No codebook: four numbers, each rounded to a few levels.",
    options: { levels: [8, 5, 5, 5] },
    shown: [],
  },
  residualFSQ: {
    name: "residualFSQ",
    says: "Levels, then finer levels for what they left.",
    options: { levels: [5, 5, 5], numQuantizers: 3 },
    shown: ["numQuantizers", "bounds"],
  },
  lfq: {
    name: "lfq",
    says: "No codebook: nine bits, the signs of nine numbers. A loss keeps all codes in use.",
    options: { codebookSize: 512 },
    shown: ["entropyLossWeight"],
  },
  identity: {
    name: "none (identity)",
    says: "Nothing is quantized: the best that this encoder and decoder can do. It has no codes.",
    options: { dim: 8 },
    shown: [],
  },
};
