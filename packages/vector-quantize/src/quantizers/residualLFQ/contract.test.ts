import { type ContractRow, holdsContract } from "../../../../../test/support/contract.ts";
import { type GroupedResidualLFQOptions, groupedResidualLFQ } from "../groupedResidualLFQ.ts";
import { type ResidualLFQOptions, residualLFQ } from "../residualLFQ.ts";

const row = (
  name: string,
  options: Partial<ResidualLFQOptions> = {},
  rest: Partial<ContractRow> = {},
): ContractRow => ({
  name: `residualLFQ, ${name}`,
  make: () => residualLFQ({ dim: 4, codebookSize: 16, numQuantizers: 3, ...options }),
  shape: [3, 5, 4],
  lossShape: [3],
  codesOf: "layers",
  moves: false,
  ...rest,
});

const grouped = (
  name: string,
  options: Partial<GroupedResidualLFQOptions> = {},
  rest: Partial<ContractRow> = {},
): ContractRow => ({
  ...row(name),
  name: `groupedResidualLFQ, ${name}`,
  make: () =>
    groupedResidualLFQ({ dim: 8, groups: 2, codebookSize: 16, numQuantizers: 3, ...options }),
  shape: [3, 5, 8],
  lossShape: [2, 3],
  codesOf: "groups and layers",
  ...rest,
});

holdsContract([
  row("plain"),
  row("spherical, commitment", { spherical: true, commitmentLossWeight: 0.5 }),
  row("rotated, clamped", { orthogonalRotation: true, softClampInputValue: 3 }),
  row("projected image", { dim: 6, layout: "image" }, { shape: [2, 6, 3, 4] }),
  row(
    "dropout, some vectors",
    { quantizeDropout: true, fracPerSampleEntropy: 0.5 },
    {
      samples: true,
    },
  ),
  grouped("plain"),
  grouped(
    "image, dropout",
    { layout: "image", quantizeDropout: true },
    {
      shape: [2, 8, 3, 4],
      samples: true,
    },
  ),
]);
