/** Quantizers and models that are exported: the tests' and `parity/writeOnnx.ts`'s. */
import { numpy as np } from "@jax-js/jax";
import {
  type ArrayTree,
  binaryMapper,
  factorizedVQ,
  fsp,
  fsq,
  groupedQuantizer,
  groupedResidualFSQ,
  groupedResidualLFQ,
  groupedResidualVQ,
  hierarchicalVQ,
  identity,
  latentQuantize,
  lfq,
  productVQ,
  type Quantizer,
  randomProjectionQuantizer,
  residualFSQ,
  residualLFQ,
  residualQuantizer,
  residualSimVQ,
  residualVQ,
  simVQ,
  summedQuantizer,
  vectorQuantize,
} from "vector-quantize";
import {
  avgPool,
  batchNorm,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  depthToSpace,
  dropout,
  elu,
  gelu,
  groupNorm,
  imageAutoencoder,
  layerNorm,
  leakyRelu,
  linear,
  type Model,
  maxPool,
  relu,
  residual,
  sequential,
  sigmoid,
  silu,
  snake,
  spaceToDepth,
  tanh,
  upsample,
} from "vector-quantize/nn";

export interface QuantizerRow {
  readonly name: string;
  readonly make: () => unknown;
  /** Shape of an input of some `n` vectors, more or less. */
  readonly shape: (n: number) => readonly number[];
}

const vectors = (dim: number) => (n: number) => [n, dim];
const small = { dim: 8, codebookSize: 16 };
const eight = vectors(8);
const image = (n: number) => [2, 8, Math.ceil(n / 20), 5];
const layers = { ...small, numQuantizers: 3 };
const levels = [8, 5, 5];

/** A function of the user's own. */
const bridge = {
  name: "tanh",
  init(key: np.Array) {
    key.dispose();
    return { scale: np.ones([1]) };
  },
  apply: (params: ArrayTree, codes: np.Array) =>
    np.tanh(codes.mul((params as { scale: np.Array }).scale)),
};

const row = (
  name: string,
  make: () => unknown,
  shape: (n: number) => readonly number[] = eight,
): QuantizerRow => ({ name, make, shape });

export const quantizerRows: readonly QuantizerRow[] = [
  row("vectorQuantize", () => vectorQuantize({ dim: 32, codebookSize: 1024 }), vectors(32)),
  row("cosine", () => vectorQuantize({ ...small, metric: "cosine" })),
  row("heads", () => vectorQuantize({ ...small, heads: 2, separateCodebookPerHead: true })),
  row("heads of one codebook", () => vectorQuantize({ ...small, heads: 2, codebookDim: 3 })),
  row("affine", () => vectorQuantize({ ...small, affineParam: true })),
  row("image", () => vectorQuantize({ ...small, layout: "image" }), image),
  row("a bridge of the user's own", () => vectorQuantize({ ...small, vqBridge: bridge })),
  row(
    "video, projected",
    () => vectorQuantize({ ...small, layout: "video", codebookDim: 4 }),
    (n) => [2, 8, Math.ceil(n / 30), 5, 3],
  ),
  row(
    "channels first",
    () => vectorQuantize({ ...small, layout: "channelFirst" }),
    (n) => [2, 8, n],
  ),
  row("one feature", () => vectorQuantize({ dim: 1, codebookSize: 5 }), vectors(1)),
  row("one code", () => vectorQuantize({ dim: 8, codebookSize: 1 })),
  row("residualVQ", () => residualVQ(layers)),
  row("residualVQ, a beam", () => residualVQ({ ...layers, beamSize: 2, evalBeamSize: 3 })),
  row("residualVQ, implicit", () => residualVQ({ ...layers, implicitNeuralCodebook: true })),
  row("residualVQ, projected", () => residualVQ({ ...layers, dim: 6, codebookDim: 4 }), vectors(6)),
  row("groupedResidualVQ", () => groupedResidualVQ({ ...layers, groups: 2 })),
  row(
    "groupedResidualVQ of images",
    () => groupedResidualVQ({ ...layers, groups: 2, layout: "image" }),
    image,
  ),
  row("fsq", () => fsq({ levels }), vectors(3)),
  row(
    "fsq, rotated, symmetric",
    () => fsq({ levels: [4, 4], preserveSymmetry: true, orthogonalRotation: true }),
    vectors(2),
  ),
  row("fsq, clamped", () => fsq({ levels: [5, 5], boundHardClamp: true }), vectors(2)),
  row("fsq, past int32", () => fsq({ levels: Array(11).fill(8) }), vectors(11)),
  row("fsq, codebooks", () => fsq({ levels: [4, 3], dim: 5, numCodebooks: 3 }), vectors(5)),
  row("lfq", () => lfq({ codebookSize: 256 })),
  row("lfq, spherical", () => lfq({ codebookSize: 256, spherical: true })),
  row("fsp", () => fsp({ levels: [4, 4, 4] }), vectors(3)),
  row("latentQuantize", () => latentQuantize({ levels: [5, 5, 8], dim: 9 }), vectors(9)),
  row("binaryMapper", () => binaryMapper({ bits: 8 })),
  row("residualFSQ", () => residualFSQ({ levels, numQuantizers: 3, dim: 8 })),
  row("residualLFQ", () => residualLFQ({ codebookSize: 256, numQuantizers: 3, dim: 8 })),
  row("simVQ", () => simVQ(small)),
  row("factorizedVQ", () => factorizedVQ({ ...small, codebookDim: 3 })),
  row("productVQ", () => productVQ({ dim: 8, parts: 4, rotation: "learned" })),
  row("summedQuantizer", () =>
    summedQuantizer({
      quantizers: [residualVQ({ ...small, numQuantizers: 1 }), residualVQ({ ...layers, dim: 8 })],
    }),
  ),
  row("residualSimVQ", () => residualSimVQ({ ...small, numQuantizers: 2 })),
  row("groupedResidualFSQ", () =>
    groupedResidualFSQ({ levels, numQuantizers: 2, groups: 2, dim: 8 }),
  ),
  row("groupedResidualLFQ", () =>
    groupedResidualLFQ({ codebookSize: 16, numQuantizers: 2, groups: 2, dim: 8 }),
  ),
  row("randomProjectionQuantizer", () =>
    randomProjectionQuantizer({ ...small, codebookDim: 4, numCodebooks: 2 }),
  ),
  row(
    "hierarchicalVQ",
    () => hierarchicalVQ({ ...small, scales: [1, 2, 4] }),
    (n) => [Math.ceil(n / 50), 8, 4, 4],
  ),
  row("identity", () => identity({ dim: 8 })),
  row("residualQuantizer", () =>
    residualQuantizer({
      layers: [plain(vectorQuantize(small)), plain(fsq({ levels: [3, 3], dim: 8 }))],
    }),
  ),
  row("groupedQuantizer", () =>
    groupedQuantizer({
      groups: 2,
      quantizer: residualQuantizer({
        layers: [plain(vectorQuantize({ dim: 4, codebookSize: 16 }))],
      }),
    }),
  ),
];

const plain = (quantizer: unknown) => quantizer as Quantizer;

export interface ModelRow {
  readonly name: string;
  readonly make: () => Model;
  /** Shapes of two inputs for one file. */
  readonly shapes: readonly (readonly number[])[];
}

export const modelRows: readonly ModelRow[] = [
  {
    name: "imageAutoencoder",
    make: () => imageAutoencoder({ patch: 4, codeDim: 16 }),
    shapes: [
      [2, 16, 24, 3],
      [3, 32, 8, 3],
    ],
  },
  {
    name: "scales, of one size",
    make: () =>
      imageAutoencoder({
        ...{ patch: 2, codeDim: 4, width: 8, depth: 0 },
        quantizer: plain(hierarchicalVQ({ dim: 4, codebookSize: 16, scales: [1, 2, 4] })),
      }),
    shapes: [
      [2, 8, 8, 3],
      [5, 8, 8, 3],
    ],
  },
  {
    name: "strides, groups, norms and enlarged images",
    make: () =>
      sequential([
        conv2d({ inChannels: 3, outChannels: 8, stride: 2 }),
        silu(),
        conv2d({ inChannels: 8, outChannels: 16, stride: 2, kernelSize: 4, padding: 1 }),
        groupNorm({ groups: 4, channels: 16 }),
        residual([silu(), conv2d({ inChannels: 16, outChannels: 16, groups: 4, dilation: 2 })]),
        plain(vectorQuantize({ dim: 16, codebookSize: 32 })),
        conv2d({ inChannels: 16, outChannels: 8, upsample: 2 }),
        batchNorm({ channels: 8 }),
        relu(),
        convTranspose2d({ inChannels: 8, outChannels: 8, kernelSize: 4, stride: 2, padding: 1 }),
        tanh(),
        dropout({ rate: 0.1 }),
        conv2d({ inChannels: 8, outChannels: 3, kernelSize: [1, 3] }),
      ]),
    shapes: [
      [2, 16, 24, 3],
      [3, 32, 8, 3],
    ],
  },
  {
    name: "pools",
    make: () =>
      sequential([
        conv2d({ inChannels: 1, outChannels: 8, padding: "causal" }),
        maxPool(),
        leakyRelu(),
        avgPool({ window: [2, 1] }),
        conv2d({ inChannels: 8, outChannels: 4, groups: 4 }),
        plain(residualVQ({ dim: 4, codebookSize: 16, numQuantizers: 2 })),
        upsample({ factor: 2 }),
        conv2d({ inChannels: 4, outChannels: 1 }),
        sigmoid(),
      ]),
    shapes: [
      [2, 16, 24, 1],
      [3, 32, 8, 1],
    ],
  },
  {
    name: "series",
    make: () =>
      sequential([
        conv1d({ inChannels: 1, outChannels: 8, kernelSize: 7, padding: "causal" }),
        snake({ channels: 8 }),
        conv1d({ inChannels: 8, outChannels: 8, kernelSize: 4, stride: 2, padding: [3, 0] }),
        elu(),
        conv1d({ inChannels: 8, outChannels: 16, kernelSize: 10, stride: 5, padding: [5, 0] }),
        plain(residualVQ({ dim: 16, codebookSize: 16, numQuantizers: 3 })),
        convTranspose1d({
          ...{ inChannels: 16, outChannels: 8, kernelSize: 10, stride: 5 },
          ...{ padding: 3, outputPadding: 1 },
        }),
        elu(),
        convTranspose1d({ inChannels: 8, outChannels: 1, kernelSize: 4, stride: 2, padding: 1 }),
      ]),
    shapes: [
      [2, 160, 1],
      [3, 40, 1],
    ],
  },
  {
    name: "vectors",
    make: () =>
      sequential([
        linear({ inFeatures: 48, outFeatures: 24 }),
        gelu(),
        layerNorm({ features: 24 }),
        linear({ inFeatures: 24, outFeatures: 3 }),
        plain(fsq({ levels })),
        linear({ inFeatures: 3, outFeatures: 48 }),
      ]),
    shapes: [
      [20, 48],
      [31, 48],
    ],
  },
  {
    name: "no codes",
    make: () =>
      sequential([
        spaceToDepth({ block: 2 }),
        conv2d({ inChannels: 12, outChannels: 8 }),
        plain(identity({ dim: 8 })),
        conv2d({ inChannels: 8, outChannels: 12 }),
        depthToSpace({ block: 2 }),
      ]),
    shapes: [
      [2, 8, 4, 3],
      [1, 12, 6, 3],
    ],
  },
];
