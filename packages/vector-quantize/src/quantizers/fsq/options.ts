import { type MixedRadix, mixedRadix } from "../../codebook/mixedRadix.ts";
import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkKnownOptions,
  checkNumber,
  expected,
} from "../../errors.ts";
import { checkLayout, type Layout } from "../../layout/layout.ts";
import { keepsCodebooks } from "../lookupFree/family.ts";

/** Options of `fsq`. The reference's names, in camelCase, beside each where they differ. */
export interface FsqOptions {
  /** Levels of each dimension, at least 3; with `preserveSymmetry` at least 2. */
  levels: readonly number[];
  /** Feature size of the input; linear maps lead in and out if it is not `levels.length * numCodebooks`, the default. */
  dim?: number;
  /** Codebooks per vector, all with these levels. Default 1. */
  numCodebooks?: number;
  /** Whether indices have an axis for the codebooks. Default: with several. */
  keepNumCodebooksDim?: boolean;
  /** Where the features stand (`channel_first`, and any input of 4 or 5 axes). Default `channelLast`. */
  layout?: Layout;
  /** Whether the linear maps have a bias. Default true. */
  projectionHasBias?: boolean;
  /** Levels evenly from -1 to 1, also where their number is even. Default false. */
  preserveSymmetry?: boolean;
  /** Probability by which a value gets noise in training; needs `preserveSymmetry`. Default 0. */
  noiseDropout?: number;
  /**
   * Width of that noise: a level's own `step`, so that it reaches as far as rounding does, or
   * `fixed`, 1 whatever the levels, as in the reference. Default `step`.
   */
  noiseScale?: NoiseScale;
  /** Clamps to -1 ... 1 in place of tanh, for inputs that are bounded already. Default false. */
  boundHardClamp?: boolean;
  /** Turns the latents by a fixed random rotation; wants equal levels. Default false. */
  orthogonalRotation?: boolean;
}

const noiseScales = ["step", "fixed"] as const;
/** How wide the noise of `noiseDropout` is. */
export type NoiseScale = (typeof noiseScales)[number];

/** The options with every default filled in. */
export type CompleteFsqOptions = Required<FsqOptions> & { radix: MixedRadix };

const where = "fsq";

/** Checks the options and fills in the defaults. Throws at the first that cannot be used. */
export function completeFsqOptions(given: FsqOptions): CompleteFsqOptions {
  const radix = mixedRadix(`${where}: levels`, given.levels, "first");
  const numCodebooks = given.numCodebooks ?? 1;
  const options = {
    levels: given.levels,
    dim: given.dim ?? given.levels.length * numCodebooks,
    numCodebooks,
    keepNumCodebooksDim: keepsCodebooks(where, numCodebooks, given.keepNumCodebooksDim),
    layout: given.layout ?? "channelLast",
    projectionHasBias: given.projectionHasBias ?? true,
    preserveSymmetry: given.preserveSymmetry ?? false,
    noiseDropout: given.noiseDropout ?? 0,
    noiseScale: given.noiseScale ?? "step",
    boundHardClamp: given.boundHardClamp ?? false,
    orthogonalRotation: given.orthogonalRotation ?? false,
  };
  checkKnownOptions(where, given, Object.keys(options));
  checkInteger(`${where}: dim`, options.dim);
  checkLayout(`${where}: layout`, options.layout);
  checkBoolean(`${where}: projectionHasBias`, options.projectionHasBias);
  checkBoolean(`${where}: preserveSymmetry`, options.preserveSymmetry);
  checkNumber(`${where}: noiseDropout`, options.noiseDropout, 0, 1);
  checkChoice(`${where}: noiseScale`, options.noiseScale, noiseScales);
  checkBoolean(`${where}: boundHardClamp`, options.boundHardClamp);
  checkBoolean(`${where}: orthogonalRotation`, options.orthogonalRotation);
  if (!options.preserveSymmetry && options.levels.includes(2)) {
    const mend = "Turn on preserveSymmetry for 2 levels";
    throw expected(`${where}: levels`, "at least 3 levels each", options.levels, mend);
  }
  if (!options.preserveSymmetry && options.noiseDropout > 0) {
    const mend = "Noise stays between the levels only where they are symmetric";
    throw expected(
      `${where}: noiseDropout`,
      "0 without preserveSymmetry",
      options.noiseDropout,
      mend,
    );
  }
  return { ...options, radix };
}
