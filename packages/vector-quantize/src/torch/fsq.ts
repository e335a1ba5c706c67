import { expected } from "../errors.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { type FsqOptions, fsqTable, widthOf } from "../quantizers/fsq/options.ts";
import { fsq, type RotationState } from "../quantizers/fsq.ts";
import type { LookupFreeParams } from "../quantizers/lookupFree/family.ts";
import {
  completeKwargs,
  flagKwarg,
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

const same = sharedOptions(fsqTable, [
  "dim",
  "numCodebooks",
  "keepNumCodebooksDim",
  "projectionHasBias",
  "preserveSymmetry",
  "noiseDropout",
  "boundHardClamp",
  "orthogonalRotation",
]);
const table = {
  levels: own,
  ...same.kwargs,
  noise_dropout: numberKwarg(0),
  scale: maybeNumber,
  allowed_dtypes: own,
  channel_first: flagKwarg(false),
  return_indices: flagKwarg(true),
  force_quantization_f32: flagKwarg(true),
};

function arraysOf(given: FsqOptions): LookupFreeArrays {
  const options = fsqTable.withDefaults(given);
  const width = widthOf(options);
  return {
    dim: options.dim,
    width,
    maps: options.dim !== width,
    bias: options.projectionHasBias,
    ...(options.orthogonalRotation && { rotated: options.levels.length }),
  };
}

/**
 * `FSQ` and `fsq`. Without effect here are `scale`, which the reference never reads, and
 * `return_indices`, `allowed_dtypes` and `force_quantization_f32`: there always are indices, and all
 * is float32.
 */
export const fsqTranslation: Translation = {
  className: "FSQ",
  type: "fsq",

  fromTorch(all, tensors) {
    const where = "fromTorch FSQ";
    const kwargs = completeKwargs(where, all, table);
    const given: FsqOptions = {
      levels: kwargs.levels as number[],
      ...same.ours(kwargs),
      ...layoutOption(kwargs.channel_first),
      ...(kwargs.noise_dropout !== 0 && { noiseScale: "fixed" as const }),
    };
    const quantizer = fsq(given) as unknown as Quantizer;
    const arrays = arraysOf(given);
    checkTensors(where, tensors, lookupFreeShapes(arrays));
    return { quantizer, variables: lookupFreeVariables(arrays, tensors) as never };
  },

  toTorch(config, { params, state }) {
    const where = "toTorch fsq";
    const given = config as unknown as FsqOptions;
    const options = fsqTable.withDefaults(given);
    const { noiseDropout, noiseScale } = options;
    checkOneWord(`${where}: levels`, given.levels);
    if (noiseDropout > 0 && noiseScale !== "fixed") {
      throw expected(`${where}: noiseScale`, '"fixed", as in the reference', noiseScale);
    }
    const kwargs = {
      ...same.theirs(given),
      levels: given.levels,
      scale: null,
      allowed_dtypes: null,
      channel_first: isChannelFirst(options.layout),
      return_indices: true,
      force_quantization_f32: true,
    };
    return {
      kwargs: withoutDefaults(kwargs, table),
      tensors: {
        ...lookupFreeParamTensors(params as LookupFreeParams),
        ...rotationTensors(state as RotationState),
      },
    };
  },
};
