import { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import type { RotationState } from "../quantizers/fsq.ts";
import { completeLfqOptions, type LfqOptions } from "../quantizers/lfq/options.ts";
import { lfq } from "../quantizers/lfq.ts";
import type { LookupFreeParams } from "../quantizers/lookupFree/family.ts";
import {
  type Completed,
  completeKwargs,
  flag,
  maybeFlag,
  maybeNumber,
  number,
  own,
  withoutDefaults,
} from "./kwargs.ts";
import {
  checkOneWord,
  isChannelFirst,
  type LookupFreeArrays,
  layoutOption,
  lookupFreeParamTensors,
  lookupFreeShapes,
  lookupFreeVariables,
  rotationTensors,
} from "./lookupFree.ts";
import { checkTensors } from "./tensors.ts";
import type { Translation } from "./translation.ts";

const table = {
  dim: maybeNumber,
  codebook_size: maybeNumber,
  entropy_loss_weight: number(0.1),
  commitment_loss_weight: number(0),
  diversity_gamma: number(1),
  straight_through_activation: own,
  num_codebooks: number(1),
  keep_num_codebooks_dim: maybeFlag,
  codebook_scale: number(1),
  frac_per_sample_entropy: number(1),
  has_projections: maybeFlag,
  projection_has_bias: flag(true),
  soft_clamp_input_value: maybeNumber,
  cosine_sim_project_in: flag(false),
  cosine_sim_project_in_scale: maybeNumber,
  channel_first: maybeFlag,
  experimental_softplus_entropy_loss: flag(false),
  entropy_loss_offset: number(5),
  spherical: flag(false),
  force_quantization_f32: flag(true),
  orthogonal_rotation: flag(false),
};

const activationMend =
  'Convert it without, and build lfq({ ...options, straightThroughActivation: "tanh" }), say';

function optionsOf(where: string, kwargs: Completed<typeof table>): LfqOptions {
  const { straight_through_activation: activation } = kwargs;
  if (activation !== null) {
    throw expected(`${where}: straight_through_activation`, "None", activation, activationMend);
  }
  const {
    dim,
    codebook_size: codebookSize,
    keep_num_codebooks_dim: keep,
    has_projections: maps,
    soft_clamp_input_value: clamp,
    cosine_sim_project_in_scale: scale,
    entropy_loss_offset: offset,
  } = kwargs;
  /** A number that is not the default. */
  const some = (name: keyof LfqOptions, value: number, otherwise: number) =>
    value === otherwise ? {} : { [name]: value };
  return {
    ...(dim !== null && { dim }),
    ...(codebookSize !== null && { codebookSize }),
    ...some("numCodebooks", kwargs.num_codebooks, 1),
    ...(keep !== null && { keepNumCodebooksDim: keep }),
    ...layoutOption(kwargs.channel_first),
    ...(maps !== null && { hasProjections: maps }),
    ...(!kwargs.projection_has_bias && { projectionHasBias: false }),
    ...(kwargs.cosine_sim_project_in && { cosineSimProjectIn: scale === null || { scale } }),
    ...some("entropyLossWeight", kwargs.entropy_loss_weight, 0.1),
    ...some("diversityGamma", kwargs.diversity_gamma, 1),
    ...some("fracPerSampleEntropy", kwargs.frac_per_sample_entropy, 1),
    ...(kwargs.experimental_softplus_entropy_loss && {
      softplusEntropyLoss: offset === 5 || { offset },
    }),
    ...some("commitmentLossWeight", kwargs.commitment_loss_weight, 0),
    ...some("codebookScale", kwargs.codebook_scale, 1),
    ...(kwargs.spherical && { spherical: true }),
    ...(clamp !== null && { softClampInputValue: clamp }),
    ...(kwargs.orthogonal_rotation && { orthogonalRotation: true }),
  };
}

function kwargsOf(where: string, given: LfqOptions): Completed<typeof table> {
  const activation = given.straightThroughActivation ?? "identity";
  if (activation !== "identity") {
    const name = typeof activation === "object" ? activation.name : activation;
    const mend = "The reference takes a module there: give it to the constructor by hand";
    throw expected(`${where}: straightThroughActivation`, '"identity"', name, mend);
  }
  const { bits, temperature, entropyFloor, cosineScale, softplusOffset, ...options } =
    completeLfqOptions(given);
  checkOneWord(`${where}: codebookSize`, [2 ** bits]);
  if (temperature !== 0.01) {
    const mend = "The reference takes inv_temperature in each forward call";
    throw expected(`${where}: temperature`, "0.01, as in the reference", temperature, mend);
  }
  if (entropyFloor !== 1e-5) {
    throw expected(`${where}: entropyFloor`, "1e-5, as in the reference", entropyFloor);
  }
  return {
    dim: given.dim ?? null,
    codebook_size: given.codebookSize ?? null,
    entropy_loss_weight: options.entropyLossWeight,
    commitment_loss_weight: options.commitmentLossWeight,
    diversity_gamma: options.diversityGamma,
    straight_through_activation: null,
    num_codebooks: options.numCodebooks,
    keep_num_codebooks_dim: given.keepNumCodebooksDim ?? null,
    codebook_scale: options.codebookScale,
    frac_per_sample_entropy: options.fracPerSampleEntropy,
    has_projections: given.hasProjections ?? null,
    projection_has_bias: options.projectionHasBias,
    soft_clamp_input_value: options.softClampInputValue ?? null,
    cosine_sim_project_in: cosineScale !== undefined,
    cosine_sim_project_in_scale:
      cosineScale === options.codebookScale ? null : (cosineScale ?? null),
    // Null leaves it to the rank of the input: true takes images and videos too.
    channel_first: isChannelFirst(options.layout) || null,
    experimental_softplus_entropy_loss: softplusOffset !== undefined,
    entropy_loss_offset: softplusOffset ?? 5,
    spherical: options.spherical,
    force_quantization_f32: true,
    orthogonal_rotation: options.orthogonalRotation,
  };
}

/** What the arrays follow from; the first dimension has the highest place. */
function arraysOf(given: LfqOptions): LookupFreeArrays & { places: number[] } {
  const { bits, dim, numCodebooks, hasProjections, projectionHasBias, cosineScale, ...rest } =
    completeLfqOptions(given);
  return {
    dim,
    width: bits * numCodebooks,
    maps: hasProjections,
    bias: projectionHasBias,
    cosine: cosineScale !== undefined,
    places: Array.from({ length: bits }, (_, bit) => 2 ** (bits - 1 - bit)),
    ...(rest.orthogonalRotation && { rotated: bits }),
  };
}

/** `LFQ` and `lfq`. `force_quantization_f32` has no effect: all is float32. */
export const lfqTranslation: Translation = {
  className: "LFQ",
  type: "lfq",

  fromTorch(kwargs, tensors) {
    const where = "fromTorch LFQ";
    const given = optionsOf(where, completeKwargs(where, kwargs, table));
    const quantizer = lfq(given) as unknown as Quantizer;
    const arrays = arraysOf(given);
    checkTensors(where, tensors, { ...lookupFreeShapes(arrays), mask: [arrays.places.length] });
    return { quantizer, variables: lookupFreeVariables(arrays, tensors) as never };
  },

  toTorch(config, { params, state }) {
    const given = config as unknown as LfqOptions;
    const kwargs = kwargsOf("toTorch lfq", given);
    const { cosine, places } = arraysOf(given);
    return {
      kwargs: withoutDefaults(kwargs, table),
      tensors: {
        ...lookupFreeParamTensors(params as LookupFreeParams, cosine),
        ...rotationTensors(state as RotationState),
        mask: np.array(new Int32Array(places)),
      },
    };
  },
};
