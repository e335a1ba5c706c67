import { numpy as np, random, tree } from "@jax-js/jax";
import { expect, it } from "vitest";
import { floats, numbers } from "../../../../test/support/arrays.ts";
import { type ContractRow, holdsContract } from "../../../../test/support/contract.ts";
import { factorizedVQ } from "./factorizedVQ.ts";
import { residualQuantizer } from "./residualQuantizer.ts";

const base = { dim: 6, codebookSize: 8, codebookDim: 3 };
const rows: ContractRow[] = [
  { name: "factorizedVQ", make: () => factorizedVQ(base), shape: [3, 5, 6] },
  {
    name: "factorizedVQ of images",
    make: () => factorizedVQ({ ...base, layout: "image" }),
    shape: [2, 6, 3, 4],
  },
  {
    name: "residual layers of factorizedVQ",
    make: () => residualQuantizer({ layers: [0, 1, 2].map(() => factorizedVQ(base)) as never }),
    shape: [3, 5, 6],
    lossShape: [3],
    codesOf: "layers",
  },
];
holdsContract(rows.map((row) => ({ ...row, moves: false })));

it("compares by direction, and puts out the code as long as it is", async () => {
  const quantizer = factorizedVQ({ dim: 2, codebookSize: 2, codebookDim: 2 });
  const unit = () => ({ weight: np.eye(2), bias: np.zeros([2]) });
  const codebook = floats([
    [10, 0],
    [0.1, 0.1],
  ]);
  const variables = { params: { projectIn: unit(), projectOut: unit(), codebook }, state: {} };
  const x = floats([
    [9, 8],
    [3, 0.1],
  ]); // the first is nearer to [10, 0] by distance
  const codes = await quantizer.encode(tree.ref(variables), x);
  expect(await numbers(codes.ref)).toEqual([1, 0]);
  const output = await numbers(quantizer.decode(variables, codes));
  expect(output).toEqual([Math.fround(0.1), Math.fround(0.1), 10, 0]);
});

it("draws the vectors to their codes, and the codes to their vectors, by weight", async () => {
  const quantizer = factorizedVQ({ ...base, commitmentWeight: 0.5, codebookWeight: 2 });
  const x = random.normal(random.key(1), [7, 6]);
  const { loss, losses, ...rest } = quantizer.apply(quantizer.init(random.key(0)), x, {
    training: true,
  });
  const { commitment, codebook } = losses as { commitment: np.Array; codebook: np.Array };
  const [[own], [theirs], [sum]] = [
    await numbers(commitment),
    await numbers(codebook),
    await numbers(loss),
  ] as [[number], [number], [number]];
  expect(own).toBeGreaterThan(0);
  expect(theirs).toBeCloseTo(own, 5);
  expect(sum).toBeCloseTo(2.5 * own, 5);
  tree.dispose(rest as never);
});
