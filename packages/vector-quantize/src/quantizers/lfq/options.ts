import type { numpy as np } from "@jax-js/jax";
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

/** Options of `lfq`. The reference's names, in camelCase, beside each where they differ. */
export interface LfqOptions {
  /** Number of codes, a power of 2. Default `2^dim`. */
  codebookSize?: number;
  /** Feature size of the input. Default `log2(codebookSize) * numCodebooks`. */
  dim?: number;
  /** Codebooks per vector. Default 1. */
  numCodebooks?: number;
  /** Whether indices have an axis for the codebooks. Default: with several. */
  keepNumCodebooksDim?: boolean;
  /** Where the features stand (`channel_first`, and any input of 4 or 5 axes). Default `channelLast`. */
  layout?: Layout;
  /** Whether linear maps lead in and out. Default: where `dim` is not the number of bits. */
  hasProjections?: boolean;
  /** Whether the linear maps have a bias. Default true. */
  projectionHasBias?: boolean;
  /** Maps in by cosine similarities (`cosine_sim_project_in`), times `scale`, default `codebookScale`. Default false. */
  cosineSimProjectIn?: boolean | { scale: number };
  /** Weight of the entropy loss; 0 turns it off. Default 0.1. */
  entropyLossWeight?: number;
  /** Weight of the batch entropy within it. Default 1. */
  diversityGamma?: number;
  /** Temperature of the distribution over codes, 1 / `inv_temperature`. Default 0.01. */
  temperature?: number;
  /**
   * Smallest probability in the logarithms of the entropies. Default 1e-5, the reference's. 0 gives
   * the true entropies, of which the per-sample one takes O(N d) instead of O(N 2^d) time in a graph;
   * `createTrainingPass` and the trainer's `trainStep` take O(N 2^(d/2)) for either. The batch's is a
   * matrix product in all of them, of 2^22 codes at most.
   */
  entropyFloor?: number;
  /** Share of the vectors, drawn at random, that the entropies are computed of. Default 1. */
  fracPerSampleEntropy?: number;
  /**
   * Passes the entropy loss through `softplus(loss + offset)`, so that it is positive
   * (`experimental_softplus_entropy_loss`, `entropy_loss_offset`). Default false; `true` is offset 5.
   */
  softplusEntropyLoss?: boolean | { offset: number };
  /** Weight of the commitment loss; 0 turns it off. Default 0. */
  commitmentLossWeight?: number;
  /** What the straight-through gradient passes. Default `identity`. */
  straightThroughActivation?: StraightThroughActivation;
  /** The codes are made of `-codebookScale` and `codebookScale`. Default 1. */
  codebookScale?: number;
  /** Latents and codes on the sphere of radius `codebookScale`: binary spherical quantization. Default false. */
  spherical?: boolean;
  /** Clamps the latents softly, `c tanh(x / c)`; at least `codebookScale`. Default none. */
  softClampInputValue?: number;
  /** Turns the latents by a fixed random rotation. Default false. */
  orthogonalRotation?: boolean;
}

const activations = ["identity", "tanh"] as const;

/** A user's own activation. Its name is saved with the model; loading asks for it again. */
export interface ActivationFunction {
  readonly name: string;
  readonly activation: (latents: np.Array) => np.Array;
}

/** What latents go through before the straight-through gradient. */
export type StraightThroughActivation = (typeof activations)[number] | ActivationFunction;

/** The options with every default filled in. */
export type CompleteLfqOptions = Omit<
  Required<LfqOptions>,
  "codebookSize" | "cosineSimProjectIn" | "softplusEntropyLoss" | "softClampInputValue"
> & {
  bits: number;
  radix: MixedRadix;
  cosineScale: number | undefined;
  softplusOffset: number | undefined;
  softClampInputValue: number | undefined;
};

const where = "lfq";
const mostBits = 53; // numbers are exact up to there

/** Checks the options and fills in the defaults. Throws at the first that cannot be used. */
export function completeLfqOptions(given: LfqOptions): CompleteLfqOptions {
  checkKnownOptions(where, given, known);
  const numCodebooks = given.numCodebooks ?? 1;
  const keepNumCodebooksDim = keepsCodebooks(where, numCodebooks, given.keepNumCodebooksDim);
  const bits = bitsOf(given);
  const width = bits * numCodebooks;
  const dim = given.dim ?? width;
  const codebookScale = given.codebookScale ?? 1;
  checkNumber(`${where}: codebookScale`, codebookScale, Number.MIN_VALUE);
  const { scale: cosineScale } = setting("cosineSimProjectIn", "scale", given, codebookScale);
  const { offset: softplusOffset } = setting("softplusEntropyLoss", "offset", given, 5);
  const options: CompleteLfqOptions = {
    dim,
    numCodebooks,
    keepNumCodebooksDim,
    layout: given.layout ?? "channelLast",
    hasProjections: given.hasProjections ?? dim !== width,
    projectionHasBias: given.projectionHasBias ?? true,
    entropyLossWeight: given.entropyLossWeight ?? 0.1,
    diversityGamma: given.diversityGamma ?? 1,
    temperature: given.temperature ?? 0.01,
    entropyFloor: given.entropyFloor ?? 1e-5,
    fracPerSampleEntropy: given.fracPerSampleEntropy ?? 1,
    commitmentLossWeight: given.commitmentLossWeight ?? 0,
    straightThroughActivation: given.straightThroughActivation ?? "identity",
    codebookScale,
    spherical: given.spherical ?? false,
    softClampInputValue: given.softClampInputValue,
    orthogonalRotation: given.orthogonalRotation ?? false,
    bits,
    radix: mixedRadix(`${where}: codebookSize`, Array(bits).fill(2), "last"),
    cosineScale,
    softplusOffset,
  };
  checkInteger(`${where}: dim`, dim);
  checkLayout(`${where}: layout`, options.layout);
  checkBoolean(`${where}: hasProjections`, options.hasProjections);
  if (!options.hasProjections && dim !== width) {
    throw expected(`${where}: hasProjections`, `true for dim ${dim} and ${width} bits`, false);
  }
  checkBoolean(`${where}: projectionHasBias`, options.projectionHasBias);
  checkNumber(`${where}: entropyLossWeight`, options.entropyLossWeight, 0);
  checkNumber(`${where}: diversityGamma`, options.diversityGamma, 0);
  checkNumber(`${where}: temperature`, options.temperature, Number.MIN_VALUE);
  checkNumber(`${where}: entropyFloor`, options.entropyFloor, 0, 1);
  checkNumber(`${where}: fracPerSampleEntropy`, options.fracPerSampleEntropy, Number.MIN_VALUE, 1);
  checkNumber(`${where}: commitmentLossWeight`, options.commitmentLossWeight, 0);
  checkActivation(options.straightThroughActivation);
  checkBoolean(`${where}: spherical`, options.spherical);
  if (options.softClampInputValue !== undefined) {
    checkNumber(`${where}: softClampInputValue`, options.softClampInputValue, codebookScale);
  }
  checkBoolean(`${where}: orthogonalRotation`, options.orthogonalRotation);
  return options;
}

const known = [
  "codebookSize",
  "dim",
  "numCodebooks",
  "keepNumCodebooksDim",
  "layout",
  "hasProjections",
  "projectionHasBias",
  "cosineSimProjectIn",
  "entropyLossWeight",
  "diversityGamma",
  "temperature",
  "entropyFloor",
  "fracPerSampleEntropy",
  "softplusEntropyLoss",
  "commitmentLossWeight",
  "straightThroughActivation",
  "codebookScale",
  "spherical",
  "softClampInputValue",
  "orthogonalRotation",
];

/** Bits of a code, from `codebookSize` or else from `dim`. */
function bitsOf({ codebookSize, dim }: LfqOptions): number {
  if (codebookSize === undefined) {
    checkInteger(`${where}: dim, without codebookSize`, dim);
    return dim;
  }
  const bits = Math.log2(codebookSize);
  if (!Number.isInteger(bits) || bits < 1 || bits > mostBits) {
    const mend = "A larger codebook is made by dim alone, one bit a feature";
    throw expected(`${where}: codebookSize`, "a power of 2 from 2 to 2^53", codebookSize, mend);
  }
  return bits;
}

/** An option that is off, on with a default, or on with a number of its own. */
function setting<Name extends string>(
  option: "cosineSimProjectIn" | "softplusEntropyLoss",
  name: Name,
  given: LfqOptions,
  otherwise: number,
): { [key in Name]: number | undefined } {
  const value: unknown = given[option] ?? false;
  const is = (number: number | undefined) =>
    ({ [name]: number }) as { [key in Name]: typeof number };
  if (typeof value !== "object" || value === null) {
    checkBoolean(`${where}: ${option}`, value);
    return is(value ? otherwise : undefined);
  }
  checkKnownOptions(`${where}: ${option}`, value, [name]);
  const number: unknown = (value as { [key in Name]?: unknown })[name];
  checkNumber(`${where}: ${option}.${name}`, number);
  return is(number);
}

function checkActivation(activation: StraightThroughActivation): void {
  const name = `${where}: straightThroughActivation`;
  if (typeof activation !== "object" || activation === null) {
    checkChoice(name, activation, activations);
    return;
  }
  if (typeof activation.name !== "string" || activation.name === "") {
    throw expected(`${name}.name`, "a name to save the function by", activation.name);
  }
  if (typeof activation.activation !== "function") {
    const mend = `Loading a model with the activation ${JSON.stringify(activation.name)} needs that function again`;
    throw expected(`${name}.activation`, "a function", activation.activation, mend);
  }
}

/** The options as plain JSON: a user's function by its name. */
export function savedLfqOptions(given: LfqOptions): Record<string, unknown> {
  const { straightThroughActivation: activation, ...rest } = given;
  if (activation === undefined) return rest;
  const saved = typeof activation === "object" ? { name: activation.name } : activation;
  return { ...rest, straightThroughActivation: saved };
}
