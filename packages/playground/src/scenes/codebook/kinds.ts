/** A quantizer as it is offered in the plane. */
export interface QuantizerKind {
  readonly name: string;
  /** In plain words. */
  readonly says: string;
  /** Whether k-means can begin it. */
  readonly fits?: boolean;
  readonly options: Readonly<Record<string, unknown>>;
  /** Options in sight. */
  readonly shown: readonly string[];
}

export const kinds: Readonly<Record<string, QuantizerKind>> = {
  vectorQuantize: {
    name: "vectorQuantize",
    says: "One codebook. Each code moves towards the mean of the points that use it.",
    fits: true,
    options: { dim: 2, codebookSize: 24, thresholdEmaDeadCode: 5 },
    shown: ["codebookSize", "decay", "thresholdEmaDeadCode", "metric"],
  },
  residualVQ: {
    name: "residualVQ",
    says: "Several codebooks: the second one quantizes what the first one left, and so on. 3 layers of 6 codes make 216 places out of 18 vectors.",
    fits: true,
    options: { dim: 2, codebookSize: 6, numQuantizers: 3, thresholdEmaDeadCode: 5 },
    shown: ["codebookSize", "numQuantizers", "decay", "thresholdEmaDeadCode"],
  },
  groupedResidualVQ: {
    name: "groupedResidualVQ",
    says: "Each axis has codebooks of its own: 5 numbers for x and 5 for y make 25 places, where they meet. The cells are a grid whose lines move; places where no points are stay empty. With several layers each place is refined in the same way.",
    fits: true,
    options: { dim: 2, groups: 2, codebookSize: 5, numQuantizers: 1, thresholdEmaDeadCode: 5 },
    shown: ["codebookSize", "numQuantizers", "decay", "thresholdEmaDeadCode"],
  },
  productVQ: {
    name: "productVQ",
    says: "As groups, but found once, by k-means on each axis (begin by k-means): steps move nothing. A learned rotation turns the axes first, so that the grid lies along the points.",
    fits: true,
    options: { dim: 2, parts: 2, codebookSize: 5, rotation: "learned" },
    shown: ["codebookSize", "rotation"],
  },
  simVQ: {
    name: "simVQ",
    says: "The codebook is random and stays; a linear map of it is trained. So every step moves all codes, and none can die alone.",
    options: { dim: 2, codebookSize: 24 },
    shown: ["codebookSize", "inputToQuantizeCommitLossWeight"],
  },
  residualSimVQ: {
    name: "residualSimVQ",
    says: "SimVQ in layers, each for what the ones before left.",
    options: { dim: 2, codebookSize: 8, numQuantizers: 2 },
    shown: ["codebookSize", "numQuantizers"],
  },
  factorizedVQ: {
    name: "factorizedVQ",
    says: "Points go through a linear map into a space of their own, where codes are compared.",
    options: { dim: 2, codebookSize: 16 },
    shown: ["codebookSize"],
  },
  latentQuantize: {
    name: "latentQuantize",
    says: "Every axis has a few values of its own, which are trained: the cells are a grid whose lines move.",
    options: { dim: 2, levels: [4, 4] },
    shown: ["levels"],
  },
  lfq: {
    name: "lfq",
    says: "Every axis is one bit, the sign of the number. There is nothing to train in the codes.",
    options: { dim: 2, codebookSize: 4 },
    shown: [],
  },
  residualLFQ: {
    name: "residualLFQ",
    says: "One bit an axis, then one bit of what is left, and so on: each layer halves the cells.",
    options: { dim: 2, codebookSize: 4, numQuantizers: 3 },
    shown: ["numQuantizers"],
  },
  fsq: {
    name: "fsq",
    says: "A fixed grid: every number is bounded by tanh and rounded to one of a few levels. The scene Levels shows how.",
    options: { levels: [6, 5] },
    shown: ["levels"],
  },
  residualFSQ: {
    name: "residualFSQ",
    says: "A fixed grid, then a finer one within each of its cells.",
    options: { levels: [4, 4], numQuantizers: 2 },
    shown: ["levels", "numQuantizers"],
  },
  fsp: {
    name: "fsp",
    says: "Every number goes through a distribution function and is cut into bins of equal width.",
    options: { levels: [6, 5] },
    shown: ["levels"],
  },
};
