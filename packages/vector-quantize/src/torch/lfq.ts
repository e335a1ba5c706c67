import { numpy as np } from "@jax-js/jax";
import {
  type ActivationFunction,
  type LfqOptions,
  lfqTable,
  readLfqOptions,
  type StraightThroughActivation,
} from "../quantizers/lfq/options.ts";
import { type LookupFreeBinaryQuantizer, lfq } from "../quantizers/lfq.ts";
import { flagKwarg, maybe, numberKwarg } from "./kwargs.ts";
import { channelFirst, mapping, oneWord, oursAlone, type Term, unread } from "./mapping.ts";
import { type Field, mapIn, mapOut, type Owned, rotation } from "./module.ts";
import { ownArrays } from "./ownArrays.ts";
import { translation } from "./translation.ts";

const cosine: Term = {
  options: ["cosineSimProjectIn"],
  kwargs: {
    cosine_sim_project_in: flagKwarg(false),
    cosine_sim_project_in_scale: maybe("number"),
  },
  ours: ({ cosine_sim_project_in: on, cosine_sim_project_in_scale: scale }) =>
    on === true && { cosineSimProjectIn: scale === null || { scale } },
  theirs: ({ cosineSimProjectIn: ours, codebookScale }) => {
    const scale = typeof ours === "object" ? (ours as { scale: number }).scale : codebookScale;
    return {
      cosine_sim_project_in: ours !== false,
      cosine_sim_project_in_scale: ours === false || scale === codebookScale ? null : scale,
    };
  },
};

const usualOffset = 5;

const softplus: Term = {
  options: ["softplusEntropyLoss"],
  kwargs: {
    experimental_softplus_entropy_loss: flagKwarg(false),
    entropy_loss_offset: numberKwarg(usualOffset),
  },
  ours: ({ experimental_softplus_entropy_loss: on, entropy_loss_offset: offset }) =>
    on === true && { softplusEntropyLoss: offset === usualOffset || { offset } },
  theirs: ({ softplusEntropyLoss: ours }) => ({
    experimental_softplus_entropy_loss: ours !== false,
    entropy_loss_offset:
      typeof ours === "object" ? (ours as { offset: number }).offset : usualOffset,
  }),
};

/** A module there; here a function of the user's own, or a word. */
const activation: Term = {
  options: ["straightThroughActivation"],
  kwargs: { straight_through_activation: maybe("object") },
  ours: ({ straight_through_activation: own }) =>
    own !== null && { straightThroughActivation: own },
  theirs: ({ straightThroughActivation: own }) => ({
    straight_through_activation: own === "identity" ? null : own,
  }),
};

/** What layers of `residualLFQ` have too. */
export const binaryTerms: readonly Term[] = [
  softplus,
  oursAlone("temperature", 0.01, "the reference takes inv_temperature in each call of forward"),
  oursAlone("entropyFloor", 1e-5, "in the reference it is 1e-5"),
  activation,
];

/** Parameters of an activation of the user's own. */
export function activationArrays(
  own: StraightThroughActivation | undefined,
  bits: number,
): readonly Owned[] {
  const { init, ...rest } = Object(own) as Partial<ActivationFunction>;
  if (!init) return [];
  return [ownArrays("activation.", ["params", "activation"], rest, (key) => init(key, bits))];
}

/** The place of each bit in an index; the first dimension has the highest. */
export const mask = (bits: number): Field => ({
  name: "mask",
  shape: [bits],
  theirs: () =>
    np.array(new Int32Array(Array.from({ length: bits }, (_, d) => 2 ** (bits - 1 - d)))),
});

const bitsOf = ({ codebookSize, dim }: LfqOptions) => Math.log2(codebookSize ?? 2 ** (dim ?? 0));

/** `LFQ` and `lfq`. `force_quantization_f32` has no effect: all is float32. */
export const lfqTranslation = translation<LfqOptions, LookupFreeBinaryQuantizer>({
  className: "LFQ",
  type: "lfq",
  mapping: mapping(lfqTable, [
    ...binaryTerms,
    cosine,
    // Null leaves it to the rank of the input: true takes images and videos too.
    channelFirst("channel_first", maybe("boolean")),
    oneWord("codebookSize", (options) => [2 ** bitsOf(options)]),
    unread({ force_quantization_f32: flagKwarg(true) }),
  ]),
  make: lfq,
  module(given) {
    const { bits, dim, width, cosineScale, ...options } = readLfqOptions(given).options;
    const { hasProjections: maps, orthogonalRotation: rotated, projectionHasBias: bias } = options;
    // That of cosine similarities is `[in, out]` there too.
    const cosineIn = {
      name: "project_in.weight",
      shape: [dim, width],
      path: ["params", "projectIn", "weight"],
    };
    const projectIn = cosineScale === undefined ? mapIn(dim, width, bias) : [cosineIn];
    return {
      owned: activationArrays(options.straightThroughActivation, bits),
      fields: [
        ...(maps ? [...projectIn, ...mapOut(dim, width, bias)] : []),
        ...(rotated ? [rotation(bits)] : []),
        mask(bits),
      ],
    };
  },
});
