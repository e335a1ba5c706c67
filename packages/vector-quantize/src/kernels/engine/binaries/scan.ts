// Made by `npm run build:kernels` from assembly/scan.ts. Do not edit.
import type { KernelModule } from "../kernelModule.ts";

export const scanKernels: KernelModule<
  "finish"
  | "interleave"
  | "prepareParts"
  | "prepareSigns"
  | "encodeSigns"
  | "multiplyRows"
  | "scanBytes"
  | "scanNibbles"
> = {
  functions: [
    "finish",
    "interleave",
    "prepareParts",
    "prepareSigns",
    "encodeSigns",
    "multiplyRows",
    "scanBytes",
    "scanNibbles",
  ],
  relaxed: () => import("./scan.relaxed.wasm.ts"),
  plain: () => import("./scan.plain.wasm.ts"),
};
