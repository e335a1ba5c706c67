// Made by `npm run build:kernels` from assembly/search.ts. Do not edit.
import type { KernelModule } from "../kernelModule.ts";

export const searchKernels: KernelModule<
  "nearest"
  | "nearestTopK"
  | "codebookMean"
  | "packCodebook"
  | "nearestFiltered"
  | "nearestTopKFiltered"
  | "measureFilter"
  | "packFilter"
  | "orderCodes"
  | "packBoxes"
  | "packBranches"
  | "packLattice"
  | "findAxes"
  | "projectCodes"
  | "residualNearest"
  | "residualBeam"
  | "residualBeamBytes"
  | "codeProducts"
> = {
  functions: [
    "nearest",
    "nearestTopK",
    "codebookMean",
    "packCodebook",
    "nearestFiltered",
    "nearestTopKFiltered",
    "measureFilter",
    "packFilter",
    "orderCodes",
    "packBoxes",
    "packBranches",
    "packLattice",
    "findAxes",
    "projectCodes",
    "residualNearest",
    "residualBeam",
    "residualBeamBytes",
    "codeProducts",
  ],
  relaxed: () => import("./search.relaxed.wasm.ts"),
  plain: () => import("./search.plain.wasm.ts"),
};
