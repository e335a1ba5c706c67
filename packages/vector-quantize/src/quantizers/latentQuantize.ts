import { lax, numpy as np, random } from "@jax-js/jax";
import { checkLevels, mixedRadix, mostDimensions } from "../codebook/mixedRadix.ts";
import { checkHolds, expected } from "../errors.ts";
import { straightThrough } from "../gradients/straightThrough.ts";
import { type Layout, layouts } from "../layout/layout.ts";
import { applyLinear, initLinearMaps } from "../layout/linear.ts";
import { maskedMean } from "../layout/mask.ts";
import { absent, atLeastZero, choice, declared, flag, integer } from "../options/kinds.ts";
import { type Complete, optionTable } from "../options/table.ts";
import { initValues, nearestLevels, type Values, valuesOf } from "./latentQuantize/values.ts";
import { CodebooksOptions, checkCodebooks, type LookupFreeParams } from "./lookupFree/family.ts";
import { type LookupFreeQuantizer, lookupFree } from "./lookupFree.ts";

const mostValues = 2 ** 24; // a vector's one-hot levels then take 64 MB

/** Options of `latentQuantize` that are not about several codebooks. */
class LatentOwnOptions {
  /** Values of each dimension, at least 2; one number stands for all `codebookDim` dimensions. */
  levels: readonly number[] | number = declared(checkAllLevels);
  /** Feature size of the input; linear maps lead in and out if it is not `codebookDim * numCodebooks`. */
  dim: number = integer();
  /** Dimensions of a code, needed where `levels` is one number. */
  codebookDim?: number = integer(absent, 1, mostDimensions);
  /** Where the features stand; the reference's is always first. Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");
  /** Weight of the loss that draws the latents to their values. Default 0.1. */
  commitmentLossWeight?: number = atLeastZero(0.1);
  /** Weight of the loss that draws the values to their latents. Default 0.1. */
  quantizationLossWeight?: number = atLeastZero(0.1);
  /** Whether the values learn. Default true. */
  optimizeValues?: boolean = flag(true);
}

/** Options of `latentQuantize`. The reference's names, in camelCase, beside each where they differ. */
export interface LatentQuantizeOptions extends LatentOwnOptions, CodebooksOptions {}

type CompleteLatentOptions = Complete<LatentQuantizeOptions, "codebookDim">;

/** Parameters of `latentQuantize`: the values, if they learn, and its linear maps. */
export type LatentQuantizeParams = LookupFreeParams & { values?: Values };
/** State of `latentQuantize`: the values, if they stay as they are. */
export type LatentQuantizeState = { values?: Values };

/** A `latentQuantize` quantizer. */
export type LatentQuantizer = LookupFreeQuantizer<LatentQuantizeParams, LatentQuantizeState>;

type Given = { params: LatentQuantizeParams; state: LatentQuantizeState };

export const latentQuantizeTable = optionTable<LatentQuantizeOptions, CompleteLatentOptions>(
  "latentQuantize",
  [LatentOwnOptions, CodebooksOptions],
  [
    checkCodebooks,
    checkDimensions,
    (options, where) => {
      const width = levelsOf(options).length * options.numCodebooks;
      return options.dim !== width && checkHolds(where, "linear maps", options.dim, width);
    },
  ],
);

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
 * A vector with NaN or infinity gets index -1 and comes out as NaN.
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
  const { options, config } = latentQuantizeTable.read(given);
  const { dim, numCodebooks, layout, optimizeValues } = options;
  const radix = mixedRadix(levelsOf(options), "first");
  const d = radix.levels.length;
  const width = d * numCodebooks;
  const valuesIn = ({ params, state }: Given) => (params.values ?? state.values) as Values;

  return lookupFree<LatentQuantizeParams, LatentQuantizeState>({
    name: "latentQuantize",
    config,
    dim,
    layout,
    codebooks: numCodebooks,
    keepCodebooks: options.keepNumCodebooksDim,
    radix,
    losses: ["quantization", "commitment"],

    init(key) {
      const values = { values: initValues(radix.levels) };
      const maps = initLinearMaps([...random.split(key)], dim, width, true);
      return optimizeValues
        ? { params: { ...values, ...maps }, state: {} }
        : { params: maps, state: values };
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
          .mul(options.quantizationLossWeight)
          .add(commitment.ref.mul(options.commitmentLossWeight)),
        losses: { quantization, commitment },
      };
    },
  });
}

/** The levels of every dimension. */
export const levelsOf = ({ levels, codebookDim = 0 }: LatentQuantizeOptions): readonly number[] =>
  typeof levels === "number" ? Array.from({ length: codebookDim }, () => levels) : levels;

function checkAllLevels(where: string, levels: unknown): void {
  checkLevels(where, typeof levels === "number" ? [levels] : levels);
}

/** Throws unless it is known how many dimensions there are, and they have not too many levels. */
function checkDimensions(options: CompleteLatentOptions, name: string): undefined {
  const { levels, codebookDim } = options;
  const where = `${name}: codebookDim`;
  if (typeof levels === "number" && codebookDim === undefined) {
    const what = "an integer of at least 1";
    throw expected(`${where}, with one number of levels`, what, codebookDim);
  }
  if (typeof levels === "object" && codebookDim !== undefined && codebookDim !== levels.length) {
    throw expected(where, `the number of levels, ${levels.length}`, codebookDim);
  }
  const all = levelsOf(options).reduce((sum, count) => sum + count, 0);
  if (all > mostValues) throw expected(`${name}: levels`, `at most ${mostValues} in all`, all);
}
