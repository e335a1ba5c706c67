import { lax, numpy as np } from "@jax-js/jax";
import { mixedRadix } from "../../codebook/mixedRadix.ts";
import { straightThrough } from "../../gradients/straightThrough.ts";
import { centredBound, softClamp, wholeLevel } from "../../kernels/levels/residualFsqCodec.ts";
import { NUMBER_LIMIT } from "../../search/usable.ts";
import type { Quantizer } from "../contract.ts";
import type { FsqOptions } from "../fsq/options.ts";
import { centredRule, type LevelRounding, symmetricRule } from "../fsq/rounding.ts";
import { fsq } from "../fsq.ts";
import { type LevelTable, levelTable } from "../lookupFree/levelTable.ts";
import type { ScalarLayers } from "../lookupFree/residualEncoder.ts";
import { lookupFree } from "../lookupFree.ts";

export const residualBounds = ["softClamp", "bound", "boundNormalized", "none"] as const;

/**
 * How the input of `residualFSQ` is kept within the reach of its layers, for `L` levels:
 *
 * - `softClamp`: `c tanh(x / c)` with `c = 1 + 1 / (L - 1)`; the layers clamp to -1 ... 1 and are
 *   scaled by `L^-i`
 * - `bound`: the bound of `fsq`, once, in units of levels: between `-(L - 1) / 2` and `(L - 1) / 2`.
 *   The layers round its output and what is left of it as they are, scaled by `(L - 1)^-i`
 * - `boundNormalized`: the same divided by `floor(L / 2)`, so that the output is between -1 and 1
 * - `none`: the input as it is, or softly clamped by `softClampInputValue`; each layer bounds what
 *   it gets by `tanh`, scaled by `L^-i`
 */
export type ResidualBounds = (typeof residualBounds)[number];

/** What the choice of a bound makes of the layers. */
export interface BoundedLayers {
  /** From the projected input `[N, d]` to the first residual. */
  enter: (vectors: np.Array) => np.Array;
  /** The same as numbers, as `ResidualLevelCodec` has them; none where the input enters as it is. */
  bound?: readonly (readonly number[])[];
  /** How every layer rounds, each value by itself, where it does. */
  rounding?: Pick<ScalarLayers, "thresholds" | "code">;
  /** By what a layer's residual is divided, and its codes multiplied. */
  scale: (layer: number) => number[];
  make: () => Quantizer;
}

type LayerOptions = Required<
  Pick<FsqOptions, "noiseDropout" | "noiseScale" | "orthogonalRotation">
>;

const each = (values: readonly number[]) => np.array(new Float32Array(values));

/** The input clamped as the layers clamp it, or by hand; the layers are `fsq`. */
export function clampedLayers(
  levels: readonly number[],
  hardClamp: boolean,
  clamp: readonly number[] | undefined,
  { noiseDropout, noiseScale, orthogonalRotation }: LayerOptions,
): BoundedLayers {
  const { code, thresholds } = symmetricRule(levels, hardClamp);
  return {
    // Without a clamp, kept so far within float32 that no layer's scale leads out of it.
    enter: (vectors) =>
      clamp
        ? np.tanh(vectors.div(each(clamp))).mul(each(clamp))
        : np.clip(vectors, -NUMBER_LIMIT, NUMBER_LIMIT),
    ...(clamp && { bound: softClamp(clamp) }),
    ...(!orthogonalRotation && thresholds && { rounding: { thresholds, code } }),
    scale: (layer) => levels.map((count) => count ** -layer),
    make: () =>
      fsq({
        levels,
        preserveSymmetry: true,
        boundHardClamp: hardClamp,
        noiseDropout,
        noiseScale,
        orthogonalRotation,
      }) as Quantizer,
  };
}

/** The input bounded once; the layers round what they get. */
export function roundingLayers(
  levels: readonly number[],
  preserveSymmetry: boolean,
  normalized: boolean,
): BoundedLayers {
  const rule = (preserveSymmetry ? symmetricRule : centredRule)(levels, false);
  // The rules give codes between -1 and 1: this many levels are one of their units.
  const unit = levels.map((count) => (preserveSymmetry ? (count - 1) / 2 : Math.floor(count / 2)));
  const table = levelTable(levels, wholeLevel(preserveSymmetry), (z) => z.add(each(unit)).add(0.5));
  return {
    enter: (vectors) => {
      const bounded = rule.bound(vectors);
      return normalized ? bounded : bounded.mul(each(unit));
    },
    bound: preserveSymmetry ? symmetricBound(unit, normalized) : centredBound(levels, normalized),
    ...(table.thresholds && {
      rounding: {
        thresholds: table.thresholds,
        code: (level) => rule.code(level).mul(each(unit)),
      },
    }),
    scale: (layer) =>
      levels.map((count, d) => (count - 1) ** -layer * (normalized ? 1 / (unit[d] as number) : 1)),
    make: () => roundingLayer(levels, unit, rule, table),
  };
}

/** The bound of `symmetricRule` as numbers. */
function symmetricBound(unit: readonly number[], normalized: boolean): number[][] {
  const all = (value: number) => unit.map(() => value);
  return [all(1), all(0), all(1), all(0), all(1), normalized ? all(1) : [...unit]];
}

/** Rounds values in units of levels, without a bound: what is too far out gets the last level. */
function roundingLayer(
  levels: readonly number[],
  unit: readonly number[],
  rule: LevelRounding,
  table: LevelTable,
): Quantizer {
  const radix = mixedRadix(levels, "first");
  const codeOf = (level: np.Array) => rule.code(level).mul(each(unit));
  return lookupFree<Record<string, never>, Record<string, never>>({
    name: "residualFSQ",
    config: { type: "residualFSQ" },
    dim: levels.length,
    layout: "channelLast",
    codebooks: 1,
    keepCodebooks: false,
    radix,
    losses: [],
    init: (key) => {
      key.dispose();
      return { params: {}, state: {} };
    },
    latents: (_, vectors) => vectors.reshape([-1, 1, levels.length]),
    levels: (_, latents) => table.level(latents),
    codes: (_, level) => codeOf(level),
    levelsOfCodes: (_, codes) => table.level(codes),
    train: ({ latents, levels: level }) => ({
      codes: straightThrough(latents, lax.stopGradient(codeOf(level))),
      loss: np.zeros([]),
      losses: {},
    }),
  }) as unknown as Quantizer;
}
