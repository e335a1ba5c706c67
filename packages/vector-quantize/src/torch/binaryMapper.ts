import { binaryMapper, binaryMapperTable } from "../quantizers/binaryMapper.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { completeKwargs, sharedOptions, withoutDefaults } from "./kwargs.ts";
import { checkTensors } from "./tensors.ts";
import type { Translation } from "./translation.ts";

const { kwargs: table, ...same } = sharedOptions(binaryMapperTable, [
  "bits",
  "klLossThreshold",
  "deterministicOnEval",
]);

/** `BinaryMapper` and `binaryMapper`, which have no arrays. */
export const binaryMapperTranslation: Translation = {
  className: "BinaryMapper",
  type: "binaryMapper",

  fromTorch(kwargs, tensors) {
    const where = "fromTorch BinaryMapper";
    const quantizer = binaryMapper(same.ours(completeKwargs(where, kwargs, table)));
    checkTensors(where, tensors, {});
    return {
      quantizer: quantizer as unknown as Quantizer,
      variables: { params: {}, state: {} },
    };
  },

  toTorch: (config) => ({ kwargs: withoutDefaults(same.theirs(config), table), tensors: {} }),
};
