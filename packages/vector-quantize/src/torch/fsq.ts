import { type FsqOptions, fsqTable, widthOf } from "../quantizers/fsq/options.ts";
import { type FiniteScalarQuantizer, fsq } from "../quantizers/fsq.ts";
import { flagKwarg, maybe } from "./kwargs.ts";
import { channelFirst, mapping, noise, oneWord, unread } from "./mapping.ts";
import { linearMaps, rotation } from "./module.ts";
import { translation } from "./translation.ts";

/**
 * `FSQ` and `fsq`. Without effect here are `scale`, which the reference never reads, and
 * `return_indices`, `allowed_dtypes` and `force_quantization_f32`: there always are indices, and all
 * is float32.
 */
export const fsqTranslation = translation<FsqOptions, FiniteScalarQuantizer>({
  className: "FSQ",
  type: "fsq",
  mapping: mapping(fsqTable, [
    noise,
    channelFirst("channel_first"),
    oneWord("levels", ({ levels }) => levels as number[]),
    unread({
      scale: maybe("number"),
      allowed_dtypes: maybe("object"),
      return_indices: flagKwarg(true),
      force_quantization_f32: flagKwarg(true),
    }),
  ]),
  make: fsq,
  module(given) {
    const options = fsqTable.withDefaults(given);
    const { dim, projectionHasBias: bias, orthogonalRotation: rotated, levels } = options;
    return {
      fields: [
        ...linearMaps(dim, widthOf(options), bias),
        ...(rotated ? [rotation(levels.length)] : []),
      ],
    };
  },
});
