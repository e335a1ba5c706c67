import type { DeadCodeThreshold } from "../../codebook/deadCodes.ts";
import { checkHolds, checkInteger, expected } from "../../errors.ts";
import { atLeastZero, choice, declared, integer, list, share } from "../../options/kinds.ts";
import { optionTable, part } from "../../options/table.ts";
import {
  checkThreshold,
  FollowingOptions,
  type Gradient,
  gradients,
  type VectorQuantizeOptions,
} from "../vectorQuantize/options.ts";

const mostSide = 4096; // pixels: a map of that side has 2^24 codes

/** Options of `hierarchicalVQ`: its own, and those of its codebook. */
export class HierarchicalVQOptions extends FollowingOptions {
  /** Number of codes, `K`. */
  codebookSize: number = integer();
  /** Sizes of the maps that are quantized, in order: `scale x scale` codes each. */
  scales: readonly number[] = declared(checkScales);
  /** Share of the convolution in what a scale adds (`quant_resi`). Default 0.5; 0 leaves it out. */
  residualRatio?: number = share(0.5);
  /**
   * How many convolutions there are (`share_quant_resi`): 1 for all scales, 0 for one per scale, or
   * a number that neighbouring scales share. Default 1.
   */
  sharedResiduals?: number = integer(1, 0);
  /** How much of the moving averages a step keeps. Default 0.99. */
  override decay?: number = share(0.99);
  /** How gradients pass the quantizer. Default `straightThrough`. */
  override gradient?: Gradient = choice(gradients, "straightThrough");
  /**
   * Codes used less than this are replaced by vectors of the batch: a count of uses a step, or
   * `{ share }` of the uniform share. Every code starts as used once. Default 2.
   */
  override thresholdEmaDeadCode?: DeadCodeThreshold = declared(checkThreshold, 2);
  /** Temperature at which codes are drawn; 0 takes the nearest code. Default 0.1. */
  override sampleCodebookTemp?: number = atLeastZero(0.1);
  /** Most codes that the orthogonal loss looks at, drawn at random. Default 128. */
  override orthogonalRegMaxCodes?: number = integer(128);
}

export const hierarchicalVQTable = optionTable<HierarchicalVQOptions>(
  "hierarchicalVQ",
  [HierarchicalVQOptions],
  [
    (options, where) =>
      checkHolds(where, "convolutions", convolutionCount(options), 3, 3, options.dim, options.dim),
  ],
);

/** The options of the codebook, as `vectorQuantize` takes them. */
export const codebookOptions = (
  options: Required<HierarchicalVQOptions>,
): VectorQuantizeOptions => ({
  ...part(FollowingOptions, options),
  codebookSize: options.codebookSize,
});

/** How many convolutions there are. */
export const convolutionCount = ({ scales, sharedResiduals }: Required<HierarchicalVQOptions>) =>
  sharedResiduals === 0 ? scales.length : Math.min(scales.length, sharedResiduals);

function checkScales(where: string, scales: unknown): void {
  list("a list of sizes", (at, scale) => checkInteger(at, scale, 1, mostSide))(where, scales);
  const sides = scales as readonly number[];
  if (sides.some((scale, at) => at > 0 && scale < (sides[at - 1] as number))) {
    throw expected(where, "sizes that do not fall", scales);
  }
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
