// Made by `npm run build:kernels` from assembly/layers.ts. Do not edit.
import type { KernelModule } from "../kernelModule.ts";

export const layersKernels: KernelModule<
  "relu"
  | "reluBack"
  | "leakyRelu"
  | "elu"
  | "silu"
  | "sigmoid"
  | "tanh"
  | "gelu"
  | "multiplyInto"
  | "addInto"
  | "convolve"
  | "convolutionOuter"
  | "packWeights"
  | "unpackWeights"
  | "layerNorm"
  | "layerNormBack"
  | "maxPool"
  | "maxPoolBack"
  | "sumWindows"
  | "spread"
  | "blocksToFeatures"
  | "reconstruction"
  | "sumTree"
  | "sumColumns"
  | "winograd"
  | "winogradOuter"
  | "packWinograd"
  | "unpackWinograd"
> = {
  name: "layers",
  functions: [
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
    "convolve",
    "convolutionOuter",
    "packWeights",
    "unpackWeights",
    "layerNorm",
    "layerNormBack",
    "maxPool",
    "maxPoolBack",
    "sumWindows",
    "spread",
    "blocksToFeatures",
    "reconstruction",
    "sumTree",
    "sumColumns",
    "winograd",
    "winogradOuter",
    "packWinograd",
    "unpackWinograd",
  ],
  relaxed: () => import("./layers.relaxed.wasm.ts"),
  plain: () => import("./layers.plain.wasm.ts"),
};
