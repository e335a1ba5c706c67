import { checkLevels } from "../../codebook/mixedRadix.ts";
import { checkHolds, expected } from "../../errors.ts";
import { type Layout, layouts } from "../../layout/layout.ts";
import { choice, declared, flag, integer, share } from "../../options/kinds.ts";
import { optionTable } from "../../options/table.ts";
import { CodebooksOptions, checkCodebooks } from "../lookupFree/family.ts";

export const noiseScales = ["step", "fixed"] as const;
/** How wide the noise of `noiseDropout` is. */
export type NoiseScale = (typeof noiseScales)[number];

/** Options of `fsq` that are not about several codebooks. */
class FsqOwnOptions {
  /** Levels of each dimension, at least 3; with `preserveSymmetry` at least 2. */
  levels: readonly number[] = declared(checkLevels);
  /** Feature size of the input; linear maps lead in and out if it is not `levels.length * numCodebooks`, the default. */
  dim?: number = integer((options: CompleteFsqOptions) => widthOf(options));
  /** Where the features stand (`channel_first`, and any input of 4 or 5 axes). Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");
  /** Whether the linear maps have a bias. Default true. */
  projectionHasBias?: boolean = flag(true);
  /** Levels evenly from -1 to 1, also where their number is even. Default false. */
  preserveSymmetry?: boolean = flag(false);
  /** Probability by which a value gets noise in training; needs `preserveSymmetry`. Default 0. */
  noiseDropout?: number = share(0);
  /**
   * Width of that noise: a level's own `step`, so that it reaches as far as rounding does, or
   * `fixed`, 1 whatever the levels, as in the reference. Default `step`.
   */
  noiseScale?: NoiseScale = choice(noiseScales, "step");
  /** Clamps to -1 ... 1 in place of tanh, for inputs that are bounded already. Default false. */
  boundHardClamp?: boolean = flag(false);
  /** Turns the latents by a fixed random rotation; wants equal levels. Default false. */
  orthogonalRotation?: boolean = flag(false);
}

/** Options of `fsq`. The reference's names, in camelCase, beside each where they differ. */
export interface FsqOptions extends FsqOwnOptions, CodebooksOptions {}

/** The options with every default filled in. */
export type CompleteFsqOptions = Required<FsqOptions>;

/** Features of the codes of all codebooks. */
export const widthOf = ({ levels, numCodebooks }: CompleteFsqOptions): number =>
  levels.length * numCodebooks;

export const fsqTable = optionTable<FsqOptions>(
  "fsq",
  [FsqOwnOptions, CodebooksOptions],
  [
    checkCodebooks,
    checkSymmetry,
    (o, where) => o.dim !== widthOf(o) && checkHolds(where, "linear maps", o.dim, widthOf(o)),
  ],
);

/** Throws at options that need `preserveSymmetry`. */
function checkSymmetry(options: CompleteFsqOptions, where: string): undefined {
  const { preserveSymmetry, levels, noiseDropout } = options;
  if (preserveSymmetry) return;
  if (levels.includes(2)) {
    const mend = "Turn on preserveSymmetry for 2 levels";
    throw expected(`${where}: levels`, "at least 3 levels each", levels, mend);
  }
  if (noiseDropout > 0) {
    const mend = "Noise stays between the levels only where they are symmetric";
    throw expected(`${where}: noiseDropout`, "0 without preserveSymmetry", noiseDropout, mend);
  }
}
