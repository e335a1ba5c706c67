import { jit, lax, numpy as np, random, tree } from "@jax-js/jax";
import { checkLevels, mixedRadix } from "../codebook/mixedRadix.ts";
import { checkHolds } from "../errors.ts";
import { straightThrough } from "../gradients/straightThrough.ts";
import { fspLevel } from "../kernels/levels/fspLevel.ts";
import { type Layout, layouts, positionShape, toVectors } from "../layout/layout.ts";
import { applyLinear, initLinearMaps } from "../layout/linear.ts";
import { maskOfVectors } from "../layout/mask.ts";
import { choice, declared, flag, integer, share } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { both } from "../tracing.ts";
import type { MaskOptions, Variables } from "./contract.ts";
import { activations, type CdfActivation, distributions } from "./fsp/distributions.ts";
import {
  checkVectorNorm,
  completeVectorNorm,
  type Moments,
  moments,
  normLoss,
  type VectorNorm,
  type VectorNormPreset,
} from "./fsp/vectorNorm.ts";
import type { LookupFreeFamily, LookupFreeParams } from "./lookupFree/family.ts";
import { levelTable, within } from "./lookupFree/levelTable.ts";
import { type LookupFreeQuantizer, lookupFree } from "./lookupFree.ts";

/** Options of `fsp`. The reference's names, in camelCase, beside each where they differ. */
export class FspOptions {
  /** Levels (bins) of each dimension, at least 2. */
  levels: readonly number[] = declared(checkLevels);
  /** Feature size of the input; linear maps lead in and out if it is not `levels.length`, the default. */
  dim?: number = integer(({ levels }: FspOptions) => levels.length);
  /** Where the features stand (`channel_first`). Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");
  /** Whether the linear maps have a bias. Default true. */
  projectionHasBias?: boolean = flag(true);
  /** Distribution function onto 0 ... 1 (`act_name`). Default `tanh`. */
  activation?: CdfActivation = choice(activations, "tanh");
  /** Share of the values that training rounds; the others are moved by noise. Default 0. */
  quantizeRate?: number = share(0);
  /**
   * What a bin decodes to (`need_inv_act`): with true, the value that the distribution function
   * takes to its middle; else its middle, scaled to unit variance. Default false.
   */
  inverseActivation?: boolean = flag(false);
  /** The loss on the moments of the latents: a preset, or targets and weights. Default `varTanh`. */
  vectorNorm?: VectorNormPreset | VectorNorm = declared(checkVectorNorm, "varTanh");
}

export const fspTable = optionTable<FspOptions>(
  "fsp",
  [FspOptions],
  [
    ({ dim, levels }, where) =>
      dim !== levels.length && checkHolds(where, "linear maps", dim, levels.length),
  ],
);

/** A `fsp` quantizer. */
export interface FiniteScalarPerturbation
  extends LookupFreeQuantizer<LookupFreeParams, Record<string, never>> {
  /** Moments of the projected input, over real vectors: what the loss compares with its targets. */
  moments(
    variables: Variables<LookupFreeParams, Record<string, never>>,
    x: np.Array,
    masks?: MaskOptions,
  ): Moments;
}

type MomentsCall = MaskOptions & { params: LookupFreeParams; x: np.Array };

const epsilon = 2 ** -23; // of float32, the reference's default
const uniformDeviation = 1 / Math.sqrt(12); // of a variable that is uniform on 0 ... 1

/**
 * Finite scalar perturbation: every dimension goes through a distribution function onto 0 ... 1 and
 * is rounded to one of a few bins of equal width.
 *
 * Training rounds a share `quantizeRate` of the values, and moves the others by uniform noise as wide
 * as a bin, where that stays within 0 ... 1. Evaluation rounds all. The index is `sum of level[d] *
 * (levels[0] ... levels[d - 1])`, the first dimension the fastest. The loss asks the latents to have
 * the moments of the distribution.
 *
 * A vector with NaN or infinity gets index -1 and comes out as NaN.
 *
 * ```ts
 * const quantizer = fsp({ levels: [8, 8, 8], activation: "normal", vectorNorm: "kurt" });
 * const { quantized, loss } = quantizer.apply(variables, x, { training: true, key });
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: "Finite Scalar Perturbation", 2026, https://arxiv.org/abs/2602.17133. The reference's class
 * is `FSP`.
 */
export function fsp(given: FspOptions): FiniteScalarPerturbation {
  const { options, config } = fspTable.read(given);
  const { dim, layout, projectionHasBias, quantizeRate, inverseActivation } = options;
  const radix = mixedRadix(options.levels, "first");
  const d = radix.levels.length;
  const norm = completeVectorNorm(options.vectorNorm);
  const { cdf, inverse } = distributions[options.activation];
  const counts = () => np.array(new Float32Array(radix.levels));

  /** Middle of each bin, in 0 ... 1. */
  const middles = (levels: np.Array) => levels.astype(np.float32).add(0.5).div(counts());
  /** Output of values in 0 ... 1. */
  const output = (p: np.Array) =>
    inverseActivation
      ? inverse(np.clip(p, epsilon, 1 - epsilon))
      : p.sub(0.5).div(uniformDeviation);
  const levelOf = fspLevel(options.activation);
  const table = levelTable(options.levels, levelOf, (z) => cdf(z).mul(counts()));

  /** Values in 0 ... 1 as training puts them out: rounded, or moved within their bin's width. */
  const perturbed = (p: np.Array, rounded: np.Array, key: np.Array) => {
    const [noiseKey, chosenKey] = [...random.split(key)] as [np.Array, np.Array];
    const noise = random.uniform(noiseKey, p.shape, { minval: -0.5, maxval: 0.5 }).div(counts());
    const proposal = p.ref.add(noise);
    const inside = both(proposal.ref.greater(0), proposal.ref.less(1));
    const moved = np.where(inside, proposal, p);
    const moves = random.uniform(chosenKey, rounded.shape).greater(quantizeRate);
    return np.where(moves, moved, rounded);
  };

  const momentsOf = jit(({ params, x, ...masks }: MomentsCall): Moments => {
    const mask = maskOfVectors(masks, positionShape(x.shape, layout));
    return moments(applyLinear(toVectors(x, layout), params.projectIn), mask, norm.eps);
  });
  const more: Pick<FiniteScalarPerturbation, "moments"> = {
    moments: ({ params }, x, masks = {}) => momentsOf(tree.ref({ params, x, ...masks })),
  };
  const family: LookupFreeFamily<LookupFreeParams, Record<string, never>> = {
    name: "fsp",
    config,
    dim,
    layout,
    codebooks: 1,
    keepCodebooks: false,
    radix,
    losses: ["norm"],
    ...(table.thresholds && { thresholds: table.thresholds }),
    latentsAreVectors: dim === d,
    ...(quantizeRate < 1 && { draws: "quantizeRate below 1" }),

    init: (key) => ({
      params: initLinearMaps([...random.split(key)], dim, d, projectionHasBias),
      state: {},
    }),

    latents: ({ params }, vectors) => applyLinear(vectors, params.projectIn).reshape([-1, 1, d]),

    levels: (_, latents) => table.level(latents),

    codes: (_, levels) => output(middles(levels)),

    levelsOfCodes: (_, codes) =>
      inverseActivation
        ? table.level(codes)
        : within(options.levels, np.floor(codes.mul(uniformDeviation).add(0.5).mul(counts()))),

    train({ latents, levels, mask, key }) {
      const p = cdf(latents.ref);
      const rounded = straightThrough(p.ref, middles(levels));
      const chosen = key ? perturbed(p, rounded, key) : rounded;
      const codes = inverseActivation
        ? straightThrough(latents.ref, output(lax.stopGradient(chosen)))
        : output(chosen);
      const found = moments(latents.reshape([-1, d]), mask, norm.eps);
      const loss = normLoss(found, norm);
      return { codes, loss, losses: { norm: loss.ref } };
    },
  };
  return lookupFree(family, more);
}
