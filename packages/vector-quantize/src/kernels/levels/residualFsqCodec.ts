import { checkChoice, checkInteger, expected } from "../../errors.ts";
import { checkKernelOptions } from "../arguments.ts";
import { fsqCodec } from "./fsqCodec.ts";
import { halfWidth, offsetOf, roundHalfToEven, shiftOf } from "./fsqLevel.ts";
import { checkCodecLevels, levelCodec } from "./levelCodec.ts";
import type { ResidualLevelCodec } from "./residualLevelCodec.ts";
import type { LevelOf } from "./thresholds.ts";

/** How the input is kept within the reach of the layers; see `ResidualBounds` of `residualFSQ`. */
const bounds = ["softClamp", "bound", "boundNormalized", "none"] as const;

/** Options of `residualFsqCodec`. */
export interface ResidualFsqCodecOptions {
  /** Levels per dimension; with `bound` and `boundNormalized` at least 3. */
  levels: readonly number[];
  /** Layers, Q. */
  numQuantizers: number;
  /** How the input is kept within reach. Default `softClamp`. */
  bounds?: (typeof bounds)[number];
}

const MOST_LAYERS = 4096;
const f = Math.fround;

/**
 * Tables of residual finite scalar quantization, as `residualFSQ` rounds without projections: for
 * `encodeResidualLevels` and `decodeResidualLevels`.
 *
 * @param options levels, layers and bound
 * @throws if a level is not an integer of at least 2 (3 with a bound), or there are more than 2^31 codes
 */
export function residualFsqCodec(options: ResidualFsqCodecOptions): ResidualLevelCodec {
  const where = "residualFsqCodec";
  checkKernelOptions(where, options, ["levels", "numQuantizers", "bounds"]);
  const { levels, numQuantizers, bounds: kind = "softClamp" } = options;
  checkCodecLevels(where, levels);
  checkInteger(`${where}: numQuantizers`, numQuantizers);
  if (numQuantizers > MOST_LAYERS) {
    throw expected(`${where}: numQuantizers`, `at most ${MOST_LAYERS}`, numQuantizers);
  }
  checkChoice(`${where}: bounds`, kind, bounds);
  const scalesOf = (scale: (count: number, layer: number) => number) =>
    Array.from({ length: numQuantizers }, (_, layer) => levels.map((count) => scale(count, layer)));
  if (kind === "softClamp" || kind === "none") {
    const bound = kind === "softClamp" ? "clamp" : "tanh";
    const reach = levels.map((count) => 1 + 1 / (count - 1));
    return {
      codec: fsqCodec({ levels, bound, preserveSymmetry: true }),
      scales: scalesOf((count, layer) => count ** -layer),
      ...(kind === "softClamp" && { bound: softClamp(reach) }),
    };
  }
  if (levels.some((count) => count < 3)) {
    throw expected(`${where}: levels with bounds ${kind}`, "at least 3 each", levels);
  }
  const normalized = kind === "boundNormalized";
  return {
    codec: levelCodec(where, levels, { level: wholeLevel(false), value: wholeValue }),
    scales: scalesOf(
      (count, layer) => (count - 1) ** -layer * (normalized ? 1 / Math.floor(count / 2) : 1),
    ),
    bound: centredBound(levels, normalized),
  };
}

/** `c tanh(x / c)` as the bound of a `ResidualLevelCodec`. */
export function softClamp(reach: readonly number[]): number[][] {
  const all = (value: number) => reach.map(() => value);
  return [reach.map((c) => f(1 / f(c))), all(0), [...reach], all(0), all(1), all(1)];
}

/** The centred rule of `fsqCodec` before it rounds, in units of levels or between -1 and 1. */
export function centredBound(levels: readonly number[], normalized: boolean): number[][] {
  const all = (value: number) => levels.map(() => value);
  const middle = levels.map((count) => Math.floor(count / 2));
  return [
    all(1),
    levels.map((count) => shiftOf(false, count)),
    levels.map(halfWidth),
    levels.map(offsetOf),
    middle.map((value) => f(1 / value)),
    normalized ? all(1) : middle,
  ];
}

/** Levels of values in units of levels as they are; `symmetric`: evenly around 0. */
export function wholeLevel(symmetric: boolean): LevelOf {
  return (x, count) => {
    const unit = symmetric ? (count - 1) / 2 : middleOf(count);
    const code = f(x * f(1 / unit));
    const place = symmetric ? f(f(f(code + 1) * (count - 1)) / 2) : f(f(code * unit) + unit);
    return Math.min(count - 1, Math.max(0, roundHalfToEven(place)));
  };
}

const middleOf = (count: number) => Math.floor(count / 2);

/** The values of the levels that are not symmetric. */
function wholeValue(level: number, count: number): number {
  const middle = middleOf(count);
  return f(f((level - middle) * f(1 / middle)) * middle);
}
