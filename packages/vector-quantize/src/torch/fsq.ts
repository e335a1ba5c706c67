import { expected } from "../errors.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { completeFsqOptions, type FsqOptions } from "../quantizers/fsq/options.ts";
import { fsq, type RotationState } from "../quantizers/fsq.ts";
import type { LookupFreeParams } from "../quantizers/lookupFree/family.ts";
import {
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
  levels: own,
  dim: maybeNumber,
  num_codebooks: number(1),
  keep_num_codebooks_dim: maybeFlag,
  scale: maybeNumber,
  allowed_dtypes: own,
  channel_first: flag(false),
  projection_has_bias: flag(true),
  return_indices: flag(true),
  force_quantization_f32: flag(true),
  preserve_symmetry: flag(false),
  noise_dropout: number(0),
  bound_hard_clamp: flag(false),
  orthogonal_rotation: flag(false),
};

function arraysOf(given: FsqOptions): LookupFreeArrays {
  const { levels, dim, numCodebooks, projectionHasBias, orthogonalRotation } =
    completeFsqOptions(given);
  const width = levels.length * numCodebooks;
  return {
    dim,
    width,
    maps: dim !== width,
    bias: projectionHasBias,
    ...(orthogonalRotation && { rotated: levels.length }),
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
    const { dim, num_codebooks: codebooks, noise_dropout: noise } = kwargs;
    const keep = kwargs.keep_num_codebooks_dim;
    const given: FsqOptions = {
      levels: kwargs.levels as number[],
      ...(dim !== null && { dim }),
      ...(codebooks !== 1 && { numCodebooks: codebooks }),
      ...(keep !== null && { keepNumCodebooksDim: keep }),
      ...layoutOption(kwargs.channel_first),
      ...(!kwargs.projection_has_bias && { projectionHasBias: false }),
      ...(kwargs.preserve_symmetry && { preserveSymmetry: true }),
      ...(noise !== 0 && { noiseDropout: noise, noiseScale: "fixed" as const }),
      ...(kwargs.bound_hard_clamp && { boundHardClamp: true }),
      ...(kwargs.orthogonal_rotation && { orthogonalRotation: true }),
    };
    const quantizer = fsq(given) as unknown as Quantizer;
    const arrays = arraysOf(given);
    checkTensors(where, tensors, lookupFreeShapes(arrays));
    return { quantizer, variables: lookupFreeVariables(arrays, tensors) as never };
  },

  toTorch(config, { params, state }) {
    const where = "toTorch fsq";
    const given = config as unknown as FsqOptions;
    const { noiseDropout = 0, noiseScale = "step" } = given;
    checkOneWord(`${where}: levels`, given.levels);
    if (noiseDropout > 0 && noiseScale !== "fixed") {
      throw expected(`${where}: noiseScale`, '"fixed", as in the reference', noiseScale);
    }
    const kwargs = {
      levels: given.levels,
      dim: given.dim ?? null,
      num_codebooks: given.numCodebooks ?? 1,
      keep_num_codebooks_dim: given.keepNumCodebooksDim ?? null,
      scale: null,
      allowed_dtypes: null,
      channel_first: isChannelFirst(given.layout),
      projection_has_bias: given.projectionHasBias ?? true,
      return_indices: true,
      force_quantization_f32: true,
      preserve_symmetry: given.preserveSymmetry ?? false,
      noise_dropout: noiseDropout,
      bound_hard_clamp: given.boundHardClamp ?? false,
      orthogonal_rotation: given.orthogonalRotation ?? false,
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
