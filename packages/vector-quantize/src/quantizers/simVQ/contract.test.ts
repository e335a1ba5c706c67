import { type ContractRow, holdsContract } from "../../../../../test/support/contract.ts";
import { type ResidualSimVQOptions, residualSimVQ } from "../residualSimVQ.ts";
import { simVQ } from "../simVQ.ts";
import type { SimVQOptions } from "./options.ts";

const base: SimVQOptions = { dim: 6, codebookSize: 8 };

const sim = (
  name: string,
  options: Partial<SimVQOptions> = {},
  shape = [3, 5, 6],
): ContractRow => ({
  name: `simVQ, ${name}`,
  make: () => simVQ({ ...base, ...options }),
  shape,
  moves: false,
});

const residual = (
  name: string,
  options: Partial<ResidualSimVQOptions> = {},
  row: Partial<ContractRow> = {},
): ContractRow => ({
  name: `residualSimVQ, ${name}`,
  make: () => residualSimVQ({ ...base, numQuantizers: 3, ...options }),
  shape: [3, 5, 6],
  lossShape: [3],
  codesOf: "layers",
  moves: false,
  ...row,
});

holdsContract([
  sim("plain"),
  sim("straight through, another frozen size", {
    gradient: "straightThrough",
    frozenCodebookDim: 4,
  }),
  sim("channel first", { layout: "channelFirst" }, [2, 6, 5]),
  sim("image", { layout: "image" }, [2, 6, 3, 4]),
  residual("plain"),
  residual(
    "image, dropout",
    { layout: "image", quantizeDropout: true },
    {
      shape: [2, 6, 3, 4],
      samples: true,
    },
  ),
  residual("channel first", { layout: "channelFirst" }, { shape: [2, 6, 5] }),
]);
