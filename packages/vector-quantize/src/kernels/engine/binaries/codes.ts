// Made by `npm run build:kernels` from assembly/codes.ts. Do not edit.
import type { KernelModule } from "../kernelModule.ts";

export const codesKernels: KernelModule<
  "uniform"
  | "orderByCode"
  | "sumBlocks"
  | "addHeads"
  | "addFloats"
  | "decodeSum"
  | "subtractCodes"
  | "takeCodes"
  | "passBack"
> = {
  functions: [
    "uniform",
    "orderByCode",
    "sumBlocks",
    "addHeads",
    "addFloats",
    "decodeSum",
    "subtractCodes",
    "takeCodes",
    "passBack",
  ],
  relaxed: () => import("./codes.wasm.ts"),
  plain: () => import("./codes.wasm.ts"),
};
