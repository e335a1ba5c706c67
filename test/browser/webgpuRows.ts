import type { QuantizerConfig } from "../../packages/vector-quantize/src/quantizers/contract.ts";

/** A configuration that is run on WebGPU beside Wasm. */
export interface WebgpuRow {
  readonly config: QuantizerConfig;
  /** Largest relative difference of floats, with the reason why it is not `TOLERANCE`. */
  readonly tolerance?: { readonly value: number; readonly because: string };
  /** The same after some steps, which carry the differences of those before them on. */
  readonly steps?: { readonly value: number; readonly because: string };
  /** Why vectors halfway between two codes may get either. */
  readonly ties?: string;
  /** Most codes of hard vectors that may differ, as a share, where the device computes what is compared. */
  readonly share?: { readonly value: number; readonly because: string };
  /** Only in the long form of the test. */
  readonly long?: true;
}

/** Largest difference of a float from Wasm's, relative to the largest number of its array. */
export const TOLERANCE = 1e-5;

const vq = { type: "vectorQuantize", dim: 8, codebookSize: 16 };
const residual = { dim: 8, codebookSize: 16, numQuantizers: 2 };
const draws = "jax-js's normal and Gumbel draws take a logarithm that WGSL knows to 2^-21 only";

const projection = "each device rounds the projection on its own";
const product = "the codes are a product that each device rounds on its own";

/** Every quantizer, and the options that take other ways through its graph. */
export const rows: readonly WebgpuRow[] = [
  { config: vq },
  {
    config: {
      ...vq,
      metric: "cosine",
      heads: 2,
      codebookDim: 3,
      separateCodebookPerHead: true,
      thresholdEmaDeadCode: 2,
    },
  },
  {
    config: {
      ...vq,
      learnableCodebook: true,
      commitment: "crossEntropy",
      orthogonalRegWeight: 1,
      codebookDiversityLossWeight: 0.1,
      codebookDiversityTemperature: 1,
      gradient: "straightThrough",
    },
  },
  {
    config: { ...vq, affineParam: true, layout: "image", codebookDim: 4 },
    share: { value: 1e-3, because: projection },
  },
  // Reductions of 25 to 32 entries are unrolled as a whole: here over features and codes.
  { config: { ...vq, dim: 32, codebookSize: 32 } },
  {
    config: { ...vq, gradient: "directional", thresholdEmaDeadCode: 2 },
    tolerance: { value: 1e-4, because: draws },
  },
  {
    config: { ...vq, gradient: "gumbel", stochasticSampleCodes: true },
    tolerance: { value: 1e-2, because: draws },
    long: true,
  },
  { config: { type: "residualVQ", ...residual }, long: true },
  { config: { type: "residualVQ", ...residual, beamSize: 3 }, long: true },
  {
    config: { type: "residualVQ", ...residual, implicitNeuralCodebook: true, implicitDepth: 1 },
    share: { value: 0.02, because: "a network on the device makes the codes" },
    long: true,
  },
  {
    config: { type: "residualVQ", ...residual, quantizeDropout: true, sharedCodebook: true },
    long: true,
  },
  { config: { type: "groupedResidualVQ", ...residual, groups: 2 } },
  {
    config: {
      type: "fsq",
      levels: [4, 3],
      dim: 5,
      numCodebooks: 3,
      preserveSymmetry: true,
      noiseDropout: 0.5,
    },
  },
  { config: { type: "fsq", levels: [8, 5, 5] }, long: true },
  {
    config: { type: "lfq", codebookSize: 16, dim: 8, commitmentLossWeight: 0.5 },
    steps: { value: 1e-3, because: "the entropies are of latents times 400, by default" },
  },
  {
    config: { type: "lfq", codebookSize: 256, spherical: true, softClampInputValue: 3 },
    long: true,
  },
  {
    config: {
      type: "fsp",
      levels: [5, 4],
      dim: 8,
      activation: "normal",
      inverseActivation: true,
      quantizeRate: 0.5,
    },
  },
  { config: { type: "fsp", levels: [5, 5, 4] }, long: true },
  { config: { type: "latentQuantize", levels: [5, 5, 8], dim: 8 } },
  { config: { type: "binaryMapper", bits: 4 } },
  {
    config: { type: "residualFSQ", levels: [8, 5, 3], numQuantizers: 2 },
    long: true,
  },
  {
    config: {
      type: "residualFSQ",
      levels: [8, 5, 3],
      numQuantizers: 2,
      bounds: "boundNormalized",
      dim: 8,
    },
  },
  {
    config: { type: "groupedResidualFSQ", levels: [8, 5, 3], numQuantizers: 2, dim: 6, groups: 2 },
    share: { value: 1e-3, because: projection },
    long: true,
  },
  { config: { type: "residualLFQ", dim: 4, codebookSize: 16, numQuantizers: 2 }, long: true },
  {
    config: { type: "groupedResidualLFQ", dim: 8, groups: 2, codebookSize: 16, numQuantizers: 2 },
  },
  {
    config: { type: "simVQ", dim: 8, codebookSize: 16 },
    ties: product,
    share: { value: 0.02, because: product },
  },
  {
    config: { type: "residualSimVQ", ...residual },
    ties: product,
    share: { value: 0.02, because: product },
  },
  {
    config: { type: "productVQ", dim: 8, parts: 4, rotation: "learned" },
    share: { value: 0.01, because: "each device rounds the rotation on its own" },
  },
  {
    config: {
      type: "randomProjectionQuantizer",
      dim: 8,
      codebookSize: 16,
      codebookDim: 4,
      numCodebooks: 2,
    },
    share: { value: 1e-3, because: projection },
  },
  { config: { type: "hierarchicalVQ", dim: 8, codebookSize: 16, scales: [1, 2] } },
  { config: { type: "identity", dim: 8 } },
  {
    config: {
      type: "residualQuantizer",
      layers: [
        { ...vq, dim: 3 },
        { type: "fsq", levels: [5, 5, 5] },
      ],
    },
  },
  {
    config: {
      type: "groupedQuantizer",
      groups: 2,
      quantizer: {
        type: "residualQuantizer",
        layers: [
          { ...vq, dim: 4 },
          { type: "simVQ", dim: 4, codebookSize: 16 },
        ],
      },
    },
    ties: product,
    share: { value: 0.02, because: product },
    long: true,
  },
];
