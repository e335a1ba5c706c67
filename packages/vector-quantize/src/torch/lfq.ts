import { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import type { RotationState } from "../quantizers/fsq.ts";
import { type LfqOptions, lfqTable, readLfqOptions } from "../quantizers/lfq/options.ts";
import { lfq } from "../quantizers/lfq.ts";
import type { LookupFreeParams } from "../quantizers/lookupFree/family.ts";
import {
  type Completed,
  completeKwargs,
  flagKwarg,
  maybeFlag,
  maybeNumber,
  numberKwarg,
  own,
  sharedOptions,
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

const same = sharedOptions(lfqTable, [
  "dim",
  "codebookSize",
  "entropyLossWeight",
  "commitmentLossWeight",
  "diversityGamma",
  "numCodebooks",
  "keepNumCodebooksDim",
  "codebookScale",
  "fracPerSampleEntropy",
  "hasProjections",
  "projectionHasBias",
  "softClampInputValue",
  "spherical",
  "orthogonalRotation",
]);
const table = {
  ...same.kwargs,
  straight_through_activation: own,
  cosine_sim_project_in: flagKwarg(false),
  cosine_sim_project_in_scale: maybeNumber,
  channel_first: maybeFlag,
  experimental_softplus_entropy_loss: flagKwarg(false),
  entropy_loss_offset: numberKwarg(5),
  force_quantization_f32: flagKwarg(true),
};

const activationMend =
  'Convert it without, and build lfq({ ...options, straightThroughActivation: "tanh" }), say';

function optionsOf(where: string, kwargs: Completed<typeof table>): LfqOptions {
  const { straight_through_activation: activation } = kwargs;
  if (activation !== null) {
    throw expected(`${where}: straight_through_activation`, "None", activation, activationMend);
  }
  const { cosine_sim_project_in_scale: scale, entropy_loss_offset: offset } = kwargs;
  return {
    ...same.ours(kwargs),
    ...layoutOption(kwargs.channel_first),
    ...(kwargs.cosine_sim_project_in && { cosineSimProjectIn: scale === null || { scale } }),
    ...(kwargs.experimental_softplus_entropy_loss && {
      softplusEntropyLoss: offset === 5 || { offset },
    }),
  };
}

/** Our options as the reference's. */
function kwargsOf(where: string, given: LfqOptions): Completed<typeof table> {
  const activation = given.straightThroughActivation ?? "identity";
  if (activation !== "identity") {
    const name = typeof activation === "object" ? activation.name : activation;
    const mend = "The reference takes a module there: give it to the constructor by hand";
    throw expected(`${where}: straightThroughActivation`, '"identity"', name, mend);
  }
  const { bits, temperature, entropyFloor, cosineScale, softplusOffset, ...options } =
    readLfqOptions(given).options;
  checkOneWord(`${where}: codebookSize`, [2 ** bits]);
  if (temperature !== 0.01) {
    const mend = "The reference takes inv_temperature in each forward call";
    throw expected(`${where}: temperature`, "0.01, as in the reference", temperature, mend);
  }
  if (entropyFloor !== 1e-5) {
    throw expected(`${where}: entropyFloor`, "1e-5, as in the reference", entropyFloor);
  }
  return {
    ...same.theirs(given),
    straight_through_activation: null,
    cosine_sim_project_in: cosineScale !== undefined,
    cosine_sim_project_in_scale:
      cosineScale === options.codebookScale ? null : (cosineScale ?? null),
    // Null leaves it to the rank of the input: true takes images and videos too.
    channel_first: isChannelFirst(options.layout) || null,
    experimental_softplus_entropy_loss: softplusOffset !== undefined,
    entropy_loss_offset: softplusOffset ?? 5,
    force_quantization_f32: true,
  };
}

/** What the arrays follow from; the first dimension has the highest place. */
function arraysOf(given: LfqOptions): LookupFreeArrays & { places: number[] } {
  const { bits, ...options } = readLfqOptions(given).options;
  return {
    dim: options.dim,
    width: options.width,
    maps: options.hasProjections,
    bias: options.projectionHasBias,
    cosine: options.cosineScale !== undefined,
    places: Array.from({ length: bits }, (_, bit) => 2 ** (bits - 1 - bit)),
    ...(options.orthogonalRotation && { rotated: bits }),
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
