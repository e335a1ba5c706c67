// Made by `npm run build:kernels` from assembly/clustering.ts. Do not edit.
import type { KernelModule } from "../kernelModule.ts";

export const clusteringKernels: KernelModule<
  "normalizeRows"
  | "means"
> = {
  functions: [
    "normalizeRows",
    "means",
  ],
  relaxed: () => import("./clustering.wasm.ts"),
  plain: () => import("./clustering.wasm.ts"),
};
