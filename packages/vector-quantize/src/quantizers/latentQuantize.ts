import { lax, numpy as np, random } from "@jax-js/jax";
import { mixedRadix } from "../codebook/mixedRadix.ts";
import { checkBoolean, checkInteger, checkKnownOptions, checkNumber, expected } from "../errors.ts";
import { straightThrough } from "../gradients/straightThrough.ts";
import { checkLayout, type Layout } from "../layout/layout.ts";
import { applyLinear, initLinear } from "../layout/linear.ts";
import { maskedMean } from "../layout/mask.ts";
import { initValues, nearestLevels, type Values, valuesOf } from "./latentQuantize/values.ts";
import { keepsCodebooks, type LookupFreeParams } from "./lookupFree/family.ts";
import { type LookupFreeQuantizer, lookupFree } from "./lookupFree.ts";

/** Options of `latentQuantize`. The reference's names, in camelCase, beside each where they differ. */
export interface LatentQuantizeOptions {
  /** Values of each dimension, at least 2; one number stands for all `codebookDim` dimensions. */
  levels: readonly number[] | number;
  /** Feature size of the input; linear maps lead in and out if it is not `codebookDim * numCodebooks`. */
  dim: number;
  /** Dimensions of a code, needed where `levels` is one number. */
  codebookDim?: number;
  /** Codebooks per vector, all with the same values. Default 1. */
  numCodebooks?: number;
  /** Whether indices have an axis for the codebooks. Default: with several. */
  keepNumCodebooksDim?: boolean;
  /** Where the features stand; the reference's is always first. Default `channelLast`. */
  layout?: Layout;
  /** Weight of the loss that draws the latents to their values. Default 0.1. */
  commitmentLossWeight?: number;
  /** Weight of the loss that draws the values to their latents. Default 0.1. */
  quantizationLossWeight?: number;
  /** Whether the values learn. Default true. */
  optimizeValues?: boolean;
}

/** Parameters of `latentQuantize`: the values, if they learn, and its linear maps. */
export type LatentQuantizeParams = LookupFreeParams & { values?: Values };
/** State of `latentQuantize`: the values, if they stay as they are. */
export type LatentQuantizeState = { values?: Values };

/** A `latentQuantize` quantizer. */
export type LatentQuantizer = LookupFreeQuantizer<LatentQuantizeParams, LatentQuantizeState>;

type Given = { params: LatentQuantizeParams; state: LatentQuantizeState };

const known = [
  "levels",
  "dim",
  "codebookDim",
  "numCodebooks",
  "keepNumCodebooksDim",
  "layout",
  "commitmentLossWeight",
  "quantizationLossWeight",
  "optimizeValues",
];

/**
 * Latent quantization: every dimension takes the nearest of a few values of its own, which learn.
 *
 * The index is `sum of level[d] * (levels[0] ... levels[d - 1])`, the first dimension the fastest;
 * a level is the place of its value, whatever the value has become, so codes follow the values. The
 * loss is `quantizationLossWeight * mean (sg(z) - v)^2 + commitmentLossWeight * mean (z - sg(v))^2`
 * over latents `z` (behind the projection) and their values `v`: the first term moves the values,
 * the second the encoder. Gradients pass straight through.
 *
 * The values are parameters, so the optimizer of the model trains them.
 *
 * A vector with NaN gets index -1 and comes out as NaN.
 *
 * ```ts
 * const quantizer = latentQuantize({ levels: [5, 5, 8], dim: 16 });
 * const { quantized, loss } = quantizer.apply(variables, x, { training: true });
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: Hsu et al., "Disentanglement via Latent Quantization", 2023, section 3,
 * https://arxiv.org/abs/2305.18378. The reference's class is `LatentQuantize`.
 */
export function latentQuantize(given: LatentQuantizeOptions): LatentQuantizer {
  const where = "latentQuantize";
  checkKnownOptions(where, given, known);
  const radix = mixedRadix(`${where}: levels`, levelsOf(given), "first");
  const d = radix.levels.length;
  const {
    dim,
    numCodebooks = 1,
    layout = "channelLast",
    commitmentLossWeight = 0.1,
    quantizationLossWeight = 0.1,
    optimizeValues = true,
  } = given;
  const keepCodebooks = keepsCodebooks(where, numCodebooks, given.keepNumCodebooksDim);
  checkInteger(`${where}: dim`, dim);
  checkLayout(`${where}: layout`, layout);
  checkNumber(`${where}: commitmentLossWeight`, commitmentLossWeight, 0);
  checkNumber(`${where}: quantizationLossWeight`, quantizationLossWeight, 0);
  checkBoolean(`${where}: optimizeValues`, optimizeValues);
  const width = d * numCodebooks;
  const valuesIn = ({ params, state }: Given) => (params.values ?? state.values) as Values;

  return lookupFree<LatentQuantizeParams, LatentQuantizeState>({
    name: where,
    config: { type: where, ...given },
    dim,
    layout,
    codebooks: numCodebooks,
    keepCodebooks,
    radix,
    losses: ["quantization", "commitment"],

    init(key) {
      const [inKey, outKey] = [...random.split(key)] as [np.Array, np.Array];
      const values = { values: initValues(radix.levels) };
      const state = optimizeValues ? {} : values;
      const learned = optimizeValues ? values : {};
      if (dim === width) {
        inKey.dispose();
        outKey.dispose();
        return { params: learned, state };
      }
      const projectIn = initLinear(inKey, dim, width, true);
      const projectOut = initLinear(outKey, width, dim, true);
      return { params: { ...learned, projectIn, projectOut }, state };
    },

    latents: ({ params }, vectors) =>
      applyLinear(vectors, params.projectIn).reshape([-1, numCodebooks, d]),

    levels: (variables, latents) => nearestLevels(latents, valuesIn(variables)),

    codes: (variables, levels) => valuesOf(levels, valuesIn(variables)),

    levelsOfCodes: (variables, codes) => nearestLevels(codes, valuesIn(variables)),

    train({ variables, latents, levels, mask }) {
      const values = valuesOf(levels, valuesIn(variables)); // [N, codebooks, d]
      const squared = (a: np.Array, b: np.Array) => maskedMean(np.square(a.sub(b)), mask?.ref);
      const still = lax.stopGradient(values.ref);
      const quantization = squared(lax.stopGradient(latents.ref), values);
      const commitment = squared(latents.ref, still.ref);
      return {
        codes: straightThrough(latents, still),
        loss: quantization.ref
          .mul(quantizationLossWeight)
          .add(commitment.ref.mul(commitmentLossWeight)),
        losses: { quantization, commitment },
      };
    },
  });
}

/** The levels of every dimension. */
function levelsOf({ levels, codebookDim }: LatentQuantizeOptions): readonly number[] {
  const name = "latentQuantize: codebookDim";
  if (typeof levels === "number") {
    checkInteger(`${name}, with one number of levels`, codebookDim);
    return Array(codebookDim).fill(levels);
  }
  if (codebookDim !== undefined && codebookDim !== levels?.length) {
    throw expected(name, `the number of levels, ${levels?.length}`, codebookDim);
  }
  return levels;
}
