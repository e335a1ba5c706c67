import { type ContractRow, holdsContract } from "../../../../../test/support/contract.ts";
import { type GroupedResidualVQOptions, groupedResidualVQ } from "../groupedResidualVQ.ts";
import { type ResidualVQOptions, residualVQ } from "../residualVQ.ts";

const base: ResidualVQOptions = { dim: 6, numQuantizers: 3, codebookSize: 8 };

const vq = (
  name: string,
  options: Partial<ResidualVQOptions> = {},
  row: Partial<ContractRow> = {},
) =>
  ({
    name: `residualVQ, ${name}`,
    make: () => residualVQ({ ...base, ...options }),
    shape: [3, 5, 6],
    lossShape: [3],
    codesOf: "layers",
    ...row,
  }) satisfies ContractRow;

holdsContract([
  vq("plain"),
  vq("one token", {}, { shape: [7, 6] }),
  vq("shared codebook, dead codes", { sharedCodebook: true, thresholdEmaDeadCode: 2 }),
  vq("a size for each layer", { codebookSize: [9, 5, 3] }),
  vq("cosine", { metric: "cosine" }),
  vq("projected", { codebookDim: 4 }),
  vq("channel first", { layout: "channelFirst" }, { shape: [2, 6, 5] }),
  vq("projected image", { layout: "image", codebookDim: 4 }, { shape: [2, 6, 3, 4] }),
  vq("video", { layout: "video" }, { shape: [2, 6, 2, 3, 2] }),
  vq("dropout", { quantizeDropout: true, quantizeDropoutCutoffIndex: 1 }, { samples: true }),
  vq("beam", { beamSize: 3, beamScoreQuantizerWeights: [1, 0.5, 2] }),
  vq("beam in evaluation alone", { evalBeamSize: 4 }, { samples: true }),
  vq("implicit codebooks", { implicitNeuralCodebook: true, implicitDepth: 2 }, { moves: false }),
  vq("gradients between layers", { quantGradFrac: 0.5, gradient: "straightThrough" }),
  vq("directional", { gradient: "directional", thresholdEmaDeadCode: 2 }, { samples: true }),
  vq("sampled", { stochasticSampleCodes: true }, { samples: true }),
  vq("frozen", { freezeCodebook: true }, { moves: false }),
  vq("frozen, shared", { freezeCodebook: true, sharedCodebook: true }, { moves: false }),
]);

const grouped = (
  name: string,
  options: Partial<GroupedResidualVQOptions> = {},
  row: Partial<ContractRow> = {},
) =>
  ({
    name: `groupedResidualVQ, ${name}`,
    make: () => groupedResidualVQ({ ...base, groups: 2, ...options }),
    shape: [3, 5, 6],
    lossShape: [2, 3],
    codesOf: "groups and layers",
    ...row,
  }) satisfies ContractRow;

holdsContract([
  grouped("plain"),
  grouped("one token, a size for each layer", { codebookSize: [9, 5, 3] }, { shape: [7, 6] }),
  grouped("projected image", { layout: "image", codebookDim: 2 }, { shape: [2, 6, 3, 4] }),
  grouped(
    "channel first, dead codes",
    { layout: "channelFirst", thresholdEmaDeadCode: 2 },
    {
      shape: [2, 6, 5],
    },
  ),
  grouped("video", { layout: "video" }, { shape: [2, 6, 2, 3, 2] }),
  grouped(
    "dropout, shared codebook",
    { quantizeDropout: true, sharedCodebook: true },
    { samples: true },
  ),
]);
