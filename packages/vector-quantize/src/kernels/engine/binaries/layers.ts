// Made by `npm run build:kernels` from assembly/layers.ts. Do not edit.
import type { KernelModule } from "../kernelModule.ts";

export const layersKernels: KernelModule<
  "dropout"
  | "spectralDistance"
  | "updateBlocks"
  | "winograd"
  | "winogradOuter"
  | "relu"
  | "reluBack"
  | "leakyRelu"
  | "elu"
  | "silu"
  | "sigmoid"
  | "tanh"
  | "gelu"
  | "multiplyInto"
  | "addInto"
  | "centredColumns"
  | "mixColumns"
  | "convolve"
  | "convolutionOuter"
  | "packWeights"
  | "unpackWeights"
  | "normalize"
  | "normalizeBack"
  | "maxPool"
  | "maxPoolBack"
  | "sumWindows"
  | "spread"
  | "gatherWindows"
  | "blocksToFeatures"
  | "reconstruction"
  | "sumTree"
  | "sumColumns"
  | "snake"
  | "snakeBack"
  | "winogradEnlargedBack"
  | "packWinograd"
  | "unpackWinograd"
> = {
  functions: [
    "dropout",
    "spectralDistance",
    "updateBlocks",
    "winograd",
    "winogradOuter",
    "relu",
    "reluBack",
    "leakyRelu",
    "elu",
    "silu",
    "sigmoid",
    "tanh",
    "gelu",
    "multiplyInto",
    "addInto",
    "centredColumns",
    "mixColumns",
    "convolve",
    "convolutionOuter",
    "packWeights",
    "unpackWeights",
    "normalize",
    "normalizeBack",
    "maxPool",
    "maxPoolBack",
    "sumWindows",
    "spread",
    "gatherWindows",
    "blocksToFeatures",
    "reconstruction",
    "sumTree",
    "sumColumns",
    "snake",
    "snakeBack",
    "winogradEnlargedBack",
    "packWinograd",
    "unpackWinograd",
  ],
  relaxed: () => import("./layers.relaxed.wasm.ts"),
  plain: () => import("./layers.plain.wasm.ts"),
};
