import { checkLevels } from "../../codebook/mixedRadix.ts";
import { checkHolds, expected, VectorQuantizeError } from "../../errors.ts";
import { type Layout, layouts } from "../../layout/layout.ts";
import {
  absent,
  checkPositive,
  choice,
  declared,
  flag,
  integer,
  share,
} from "../../options/kinds.ts";
import { type Complete, optionTable } from "../../options/table.ts";
import { type NoiseScale, noiseScales } from "../fsq/options.ts";
import { checkDropout } from "../residual/dropout.ts";
import { ResidualOptions } from "../residual/options.ts";
import {
  type BoundedLayers,
  clampedLayers,
  type ResidualBounds,
  residualBounds,
  roundingLayers,
} from "./bounds.ts";

/** Options of `residualFSQ`. The reference's names, in camelCase, beside each where they differ. */
export class ResidualFSQOptions extends ResidualOptions {
  /** Levels of each dimension, at least 2; with `bound` and `boundNormalized` at least 3. */
  levels: readonly number[] = declared(checkLevels);
  /** Feature size of the input; linear maps lead in and out if it is not `levels.length`, the default. */
  dim?: number = integer(({ levels }: ResidualFSQOptions) => levels.length);
  /** Where the features stand (`is_channel_first`). Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");
  /** How the input is kept within reach (`bound_hard_clamp`). Default `softClamp`. */
  bounds?: ResidualBounds = choice(residualBounds, "softClamp");
  /** With `bounds: "none"`: the input becomes `c tanh(x / c)`, one `c` or one a dimension. */
  softClampInputValue?: number | readonly number[] = declared(checkClamp, absent);
  /** With `bound` and `boundNormalized`: levels evenly around 0, also where their number is even. Default false. */
  preserveSymmetry?: boolean = flag(false);
  /** With `softClamp` and `none`, as in `fsq`: noise in training. Default 0. */
  noiseDropout?: number = share(0);
  /** Its width. Default `step`. */
  noiseScale?: NoiseScale = choice(noiseScales, "step");
  /** With `softClamp` and `none`, as in `fsq`: a fixed random rotation in each layer. Default false. */
  orthogonalRotation?: boolean = flag(false);
}

type CompleteOptions = Complete<ResidualFSQOptions, "softClampInputValue">;

export const residualFSQTable = optionTable<ResidualFSQOptions, CompleteOptions>(
  "residualFSQ",
  [ResidualFSQOptions],
  [
    (options, where) => checkDropout(where, options, options.numQuantizers),
    checkBounds,
    checkClamps,
    checkReach,
    ({ dim, levels }, where) =>
      dim !== levels.length && checkHolds(where, "linear maps", dim, levels.length),
  ],
);

const boundsOnce = ({ bounds }: CompleteOptions) =>
  bounds === "bound" || bounds === "boundNormalized";

/** The layers that the options ask for. */
export function boundedLayers(options: CompleteOptions): BoundedLayers {
  const { levels, bounds, softClampInputValue: clamp } = options;
  if (boundsOnce(options)) {
    return roundingLayers(levels, options.preserveSymmetry, bounds === "boundNormalized");
  }
  if (bounds === "softClamp") {
    const reach = levels.map((count) => 1 + 1 / (count - 1));
    return clampedLayers(levels, true, reach, options);
  }
  const clamps = typeof clamp === "number" ? levels.map(() => clamp) : clamp;
  return clampedLayers(levels, false, clamps, options);
}

/** Throws at options that the chosen bounds do not have. */
function checkBounds(
  options: CompleteOptions,
  where: string,
  given: ResidualFSQOptions,
): undefined {
  const { levels, bounds } = options;
  const refused: (keyof ResidualFSQOptions)[] = boundsOnce(options)
    ? ["noiseDropout", "noiseScale", "orthogonalRotation"]
    : ["preserveSymmetry"];
  for (const option of bounds === "none" ? refused : [...refused, "softClampInputValue" as const]) {
    if (given[option] === undefined) continue;
    throw expected(
      `${where}: ${option} with bounds ${JSON.stringify(bounds)}`,
      "none",
      given[option],
    );
  }
  if (boundsOnce(options) && levels.includes(2)) {
    const mend = "With 2 levels a layer leaves as much as it got";
    throw expected(`${where}: levels with bounds ${bounds}`, "at least 3 each", levels, mend);
  }
}

function checkClamp(where: string, value: unknown): void {
  for (const each of Array.isArray(value) ? value : [value]) checkPositive(where, each);
}

function checkClamps({ softClampInputValue: clamp, levels }: CompleteOptions, where: string) {
  if (typeof clamp !== "object" || clamp.length === levels.length) return undefined;
  throw expected(`${where}: softClampInputValue`, `one number, or ${levels.length}`, clamp);
}

/** Throws unless an index is one int32, and float32 holds the scale of the last layer. */
function checkReach({ levels, numQuantizers }: CompleteOptions, where: string): undefined {
  if (levels.reduce((product, count) => product * count, 1) > 2 ** 31) {
    const most = "at most 2^31 codes a layer";
    throw new VectorQuantizeError(`${where}: expected ${most}, got levels [${levels.join(", ")}]`);
  }
  const finest = Math.max(...levels);
  const most = Math.floor(126 / Math.log2(finest));
  if (numQuantizers > most) {
    const what = `at most ${most} with ${finest} levels, for float32 to hold the scale of the last`;
    throw expected(`${where}: numQuantizers`, what, numQuantizers);
  }
}
