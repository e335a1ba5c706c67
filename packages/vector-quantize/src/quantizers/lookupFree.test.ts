/** The contract, held against the quantizers that need no codebook. */
import { holdsContract } from "../../../../test/support/contract.ts";
import { binaryMapper } from "./binaryMapper.ts";
import { fsp } from "./fsp.ts";
import { latentQuantize } from "./latentQuantize.ts";
import { lfq } from "./lfq.ts";

holdsContract([
  {
    name: "lfq, committed",
    make: () => lfq({ codebookSize: 16, commitmentLossWeight: 0.25 }),
    shape: [3, 5, 4],
    moves: false,
  },
  {
    name: "bsq, projected, rotated codebooks",
    make: () =>
      lfq({
        codebookSize: 8,
        dim: 5,
        numCodebooks: 2,
        spherical: true,
        orthogonalRotation: true,
        temperature: 0.5,
        straightThroughActivation: "tanh",
      }),
    shape: [3, 5, 5],
    moves: false,
  },
  {
    name: "lfq, cosine projection, image, fraction",
    make: () =>
      lfq({
        codebookSize: 16,
        dim: 6,
        cosineSimProjectIn: true,
        softClampInputValue: 2,
        layout: "image",
        fracPerSampleEntropy: 0.5,
        softplusEntropyLoss: true,
      }),
    shape: [2, 6, 3, 4],
    moves: false,
  },
  {
    name: "bsq past int32",
    make: () => lfq({ dim: 36, spherical: true, entropyFloor: 0 }),
    shape: [5, 36],
    moves: false,
  },
  {
    name: "binary mapper",
    make: () => binaryMapper({ bits: 4, klLossThreshold: 0 }),
    shape: [3, 5, 4],
    outputs: 16,
    moves: false,
    samples: true,
  },
  {
    name: "binary mapper of one bit",
    make: () => binaryMapper(),
    shape: [7, 1],
    outputs: 2,
    moves: false,
    samples: true,
  },
  {
    name: "fsp, all rounded",
    make: () => fsp({ levels: [8, 5, 3], quantizeRate: 1 }),
    shape: [3, 5, 3],
    moves: false,
  },
  {
    name: "fsp, projected, inverse, image",
    make: () =>
      fsp({
        levels: [4, 3],
        dim: 6,
        activation: "laplace",
        inverseActivation: true,
        vectorNorm: "kurt",
        layout: "image",
      }),
    shape: [2, 6, 3, 4],
    moves: false,
  },
  {
    name: "latent quantize",
    make: () => latentQuantize({ levels: [5, 5, 8], dim: 3 }),
    shape: [3, 5, 3],
    moves: false,
  },
  {
    name: "latent quantize, values at rest, projected codebooks, image",
    make: () =>
      latentQuantize({
        levels: 4,
        codebookDim: 2,
        dim: 6,
        numCodebooks: 2,
        optimizeValues: false,
        layout: "image",
      }),
    shape: [2, 6, 3, 4],
    moves: false,
  },
]);
