// Made by `npm run build:kernels` from assembly/levels.ts. Do not edit.
import type { KernelModule } from "../kernelModule.ts";

export const levelsKernels: KernelModule<
  "encodeLevels"
  | "encodeManyLevels"
  | "decodeLevels"
  | "encodeResidualLevels"
  | "decodeResidualLevels"
  | "encodeSigns"
  | "decodeSigns"
> = {
  functions: [
    "encodeLevels",
    "encodeManyLevels",
    "decodeLevels",
    "encodeResidualLevels",
    "decodeResidualLevels",
    "encodeSigns",
    "decodeSigns",
  ],
  relaxed: () => import("./levels.wasm.ts"),
  plain: () => import("./levels.wasm.ts"),
};
