// Made by `npm run build:kernels` from assembly/coder.ts. Do not edit.
import type { KernelModule } from "../kernelModule.ts";

export const coderKernels: KernelModule<
  "codeGrid"
  | "highest"
  | "lowest"
  | "reached"
  | "writeTo"
  | "begin"
> = {
  functions: [
    "codeGrid",
    "highest",
    "lowest",
    "reached",
    "writeTo",
    "begin",
  ],
  relaxed: () => import("./coder.wasm.ts"),
  plain: () => import("./coder.wasm.ts"),
};
