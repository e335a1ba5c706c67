import { checkInteger, checkKnownOptions, checkNumber, expected } from "../../errors.ts";
import type { VectorQuantizeOptions } from "../vectorQuantize/options.ts";

/** Options of `hierarchicalVQ`: its own, and those of its codebook. */
export interface HierarchicalVQOptions
  extends Pick<
    VectorQuantizeOptions,
    | "dim"
    | "codebookSize"
    | "decay"
    | "commitmentWeight"
    | "gradient"
    | "kmeansIters"
    | "thresholdEmaDeadCode"
    | "stochasticSampleCodes"
    | "sampleCodebookTemp"
    | "orthogonalRegWeight"
    | "orthogonalRegMaxCodes"
    | "orthogonalRegActiveCodesOnly"
  > {
  /** Sizes of the maps that are quantized, in order: `scale x scale` codes each. */
  scales: readonly number[];
  /** Share of the convolution in what a scale adds (`quant_resi`). Default 0.5; 0 leaves it out. */
  residualRatio?: number;
  /**
   * How many convolutions there are (`share_quant_resi`): 1 for all scales, 0 for one per scale, or
   * a number that neighbouring scales share. Default 1.
   */
  sharedResiduals?: number;
}

const own = ["scales", "residualRatio", "sharedResiduals"];
const ofCodebook = [
  "dim",
  "codebookSize",
  "decay",
  "commitmentWeight",
  "gradient",
  "kmeansIters",
  "thresholdEmaDeadCode",
  "stochasticSampleCodes",
  "sampleCodebookTemp",
  "orthogonalRegWeight",
  "orthogonalRegMaxCodes",
  "orthogonalRegActiveCodesOnly",
];

/** The options with every default filled in, and those of the codebook apart. */
export function completeHierarchicalOptions(given: HierarchicalVQOptions) {
  const where = "hierarchicalVQ";
  checkKnownOptions(where, given, [...own, ...ofCodebook]);
  const { scales, residualRatio = 0.5, sharedResiduals = 1, ...codebook } = given;
  if (!Array.isArray(scales) || scales.length === 0) {
    throw expected(`${where}: scales`, "a list of sizes", scales);
  }
  for (const scale of scales) checkInteger(`${where}: scales`, scale);
  if (scales.some((scale, at) => at > 0 && scale < scales[at - 1])) {
    throw expected(`${where}: scales`, "sizes that do not fall", scales);
  }
  checkNumber(`${where}: residualRatio`, residualRatio, 0, 1);
  checkInteger(`${where}: sharedResiduals`, sharedResiduals, 0);
  const convolutions =
    sharedResiduals === 0 ? scales.length : Math.min(scales.length, sharedResiduals);
  const vq: VectorQuantizeOptions = {
    decay: 0.99,
    gradient: "straightThrough",
    thresholdEmaDeadCode: 2,
    sampleCodebookTemp: 0.1,
    orthogonalRegMaxCodes: 128,
    ...codebook,
  };
  return { scales: scales as readonly number[], residualRatio, convolutions, vq };
}

/** Which convolution a scale has: neighbouring scales share one. */
export function convolutionOf(scale: number, scales: number, convolutions: number): number {
  if (convolutions === scales) return scale;
  if (scales === 1 || convolutions === 1) return 0;
  const place = (scale / (scales - 1)) * (convolutions - 1);
  // Half to even, as Python rounds.
  const floor = Math.floor(place);
  if (place - floor === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return Math.round(place);
}
