// Made by `npm run build:kernels` from assembly/entropy.ts. Do not edit.
import type { KernelModule } from "../kernelModule.ts";

export const entropyKernels: KernelModule<
  "surprises"
  | "addProducts"
  | "throughMean"
> = {
  functions: [
    "surprises",
    "addProducts",
    "throughMean",
  ],
  relaxed: () => import("./entropy.relaxed.wasm.ts"),
  plain: () => import("./entropy.plain.wasm.ts"),
};
