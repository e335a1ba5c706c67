import { type ContractRow, holdsContract } from "../../../../../test/support/contract.ts";
import { type GroupedResidualFSQOptions, groupedResidualFSQ } from "../groupedResidualFSQ.ts";
import { residualFSQ } from "../residualFSQ.ts";
import type { ResidualFSQOptions } from "./options.ts";

const row = (
  name: string,
  options: Partial<ResidualFSQOptions> = {},
  rest: Partial<ContractRow> = {},
): ContractRow => ({
  name: `residualFSQ, ${name}`,
  make: () => residualFSQ({ levels: [8, 5, 3], numQuantizers: 3, ...options }),
  shape: [3, 5, 3],
  lossShape: [3],
  codesOf: "layers",
  moves: false,
  ...rest,
});

const grouped = (
  name: string,
  options: Partial<GroupedResidualFSQOptions> = {},
  rest: Partial<ContractRow> = {},
): ContractRow => ({
  ...row(name),
  name: `groupedResidualFSQ, ${name}`,
  make: () =>
    groupedResidualFSQ({ levels: [8, 5, 3], numQuantizers: 3, dim: 6, groups: 2, ...options }),
  shape: [3, 5, 6],
  lossShape: [2, 3],
  codesOf: "groups and layers",
  ...rest,
});

holdsContract([
  row("plain"),
  row("bounded", { bounds: "bound" }),
  row("bounded and normalized, symmetric", { bounds: "boundNormalized", preserveSymmetry: true }),
  row("unbounded", { bounds: "none" }),
  row("clamped", { bounds: "none", softClampInputValue: [2, 1.5, 1] }),
  row("rotated, noisy", { levels: [4, 4, 4], orthogonalRotation: true, noiseDropout: 0.5 }),
  row("projected image", { dim: 5, layout: "image" }, { shape: [2, 5, 3, 4] }),
  row(
    "channel first, dropout",
    { layout: "channelFirst", quantizeDropout: true },
    {
      shape: [2, 3, 5],
      samples: true,
    },
  ),
  row("video", { layout: "video" }, { shape: [2, 3, 2, 3, 2] }),
  grouped("plain"),
  grouped(
    "image, dropout",
    { layout: "image", dim: 10, bounds: "bound", quantizeDropout: true },
    {
      shape: [2, 10, 3, 4],
      samples: true,
    },
  ),
]);
