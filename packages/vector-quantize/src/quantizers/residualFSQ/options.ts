import {
  checkBoolean,
  checkChoice,
  checkKnownOptions,
  checkNumber,
  expected,
} from "../../errors.ts";
import type { Layout } from "../../layout/layout.ts";
import type { NoiseScale } from "../fsq/options.ts";
import { dropoutOptions } from "../residual/dropout.ts";
import type { ResidualOptions } from "../residual/options.ts";
import {
  type BoundedLayers,
  clampedLayers,
  type ResidualBounds,
  residualBounds,
  roundingLayers,
} from "./bounds.ts";

/** Options of `residualFSQ`. The reference's names, in camelCase, beside each where they differ. */
export interface ResidualFSQOptions extends ResidualOptions {
  /** Levels of each dimension, at least 2; with `bound` and `boundNormalized` at least 3. */
  levels: readonly number[];
  /** Feature size of the input; linear maps lead in and out if it is not `levels.length`. */
  dim?: number;
  /** Where the features stand (`is_channel_first`). Default `channelLast`. */
  layout?: Layout;
  /** How the input is kept within reach (`bound_hard_clamp`). Default `softClamp`. */
  bounds?: ResidualBounds;
  /** With `bounds: "none"`: the input becomes `c tanh(x / c)`, one `c` or one a dimension. */
  softClampInputValue?: number | readonly number[];
  /** With `bound` and `boundNormalized`: levels evenly around 0, also where their number is even. Default false. */
  preserveSymmetry?: boolean;
  /** With `softClamp` and `none`, as in `fsq`: noise in training. Default 0. */
  noiseDropout?: number;
  /** Its width. Default `step`. */
  noiseScale?: NoiseScale;
  /** With `softClamp` and `none`, as in `fsq`: a fixed random rotation in each layer. Default false. */
  orthogonalRotation?: boolean;
}

const known = [
  "levels",
  "numQuantizers",
  "dim",
  "layout",
  "bounds",
  "softClampInputValue",
  "preserveSymmetry",
  "noiseDropout",
  "noiseScale",
  "orthogonalRotation",
  ...dropoutOptions,
];

const where = "residualFSQ";

/** The layers that the options ask for. Throws at the first option that cannot be used. */
export function boundedLayers(given: ResidualFSQOptions): BoundedLayers {
  checkKnownOptions(where, given, known);
  const { levels, bounds = "softClamp", preserveSymmetry, softClampInputValue: clamp } = given;
  if (!Array.isArray(levels) || levels.length === 0) {
    throw expected(`${where}: levels`, "a list of numbers of levels", levels);
  }
  checkChoice(`${where}: bounds`, bounds, residualBounds);
  if (preserveSymmetry !== undefined) checkBoolean(`${where}: preserveSymmetry`, preserveSymmetry);
  const once = bounds === "bound" || bounds === "boundNormalized";
  refuse(given, once ? ["noiseDropout", "noiseScale", "orthogonalRotation"] : ["preserveSymmetry"]);
  if (bounds !== "none") refuse(given, ["softClampInputValue"]);
  if (once) {
    if (levels.some((count) => count < 3)) {
      const mend = "With 2 levels a layer leaves as much as it got";
      throw expected(`${where}: levels with bounds ${bounds}`, "at least 3 each", levels, mend);
    }
    return roundingLayers(levels, preserveSymmetry ?? false, bounds === "boundNormalized");
  }
  const options = {
    ...(given.noiseDropout !== undefined && { noiseDropout: given.noiseDropout }),
    ...(given.noiseScale !== undefined && { noiseScale: given.noiseScale }),
    ...(given.orthogonalRotation !== undefined && { orthogonalRotation: given.orthogonalRotation }),
  };
  if (bounds === "softClamp") {
    const reach = levels.map((count) => 1 + 1 / (count - 1));
    return clampedLayers(levels, true, reach, options);
  }
  return clampedLayers(levels, false, clampOf(clamp, levels.length), options);
}

function clampOf(clamp: number | readonly number[] | undefined, d: number) {
  if (clamp === undefined) return undefined;
  const values = typeof clamp === "number" ? Array.from({ length: d }, () => clamp) : clamp;
  for (const value of values) {
    checkNumber(`${where}: softClampInputValue`, value, Number.MIN_VALUE);
  }
  if (values.length !== d) {
    throw expected(`${where}: softClampInputValue`, `one number, or ${d}`, clamp);
  }
  return values;
}

/** Throws at options that the chosen bounds do not have. */
function refuse(given: ResidualFSQOptions, options: (keyof ResidualFSQOptions)[]): void {
  for (const option of options) {
    if (given[option] === undefined) continue;
    const { bounds = "softClamp" } = given;
    throw expected(
      `${where}: ${option} with bounds ${JSON.stringify(bounds)}`,
      "none",
      given[option],
    );
  }
}
