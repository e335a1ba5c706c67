import { type BinaryMapperOptions, binaryMapper } from "../quantizers/binaryMapper.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { completeKwargs, flag, number, withoutDefaults } from "./kwargs.ts";
import { checkTensors } from "./tensors.ts";
import type { Translation } from "./translation.ts";

const table = {
  bits: number(1),
  kl_loss_threshold: number(Math.LN2),
  deterministic_on_eval: flag(false),
};

/** `BinaryMapper` and `binaryMapper`, which have no arrays. */
export const binaryMapperTranslation: Translation = {
  className: "BinaryMapper",
  type: "binaryMapper",

  fromTorch(all, tensors) {
    const where = "fromTorch BinaryMapper";
    const { bits, kl_loss_threshold: threshold, ...kwargs } = completeKwargs(where, all, table);
    const quantizer = binaryMapper({
      ...(bits !== 1 && { bits }),
      ...(threshold !== Math.LN2 && { klLossThreshold: threshold }),
      ...(kwargs.deterministic_on_eval && { deterministicOnEval: true }),
    });
    checkTensors(where, tensors, {});
    return {
      quantizer: quantizer as unknown as Quantizer,
      variables: { params: {}, state: {} },
    };
  },

  toTorch(config) {
    const given = config as BinaryMapperOptions;
    const kwargs = {
      bits: given.bits ?? 1,
      kl_loss_threshold: given.klLossThreshold ?? Math.LN2,
      deterministic_on_eval: given.deterministicOnEval ?? false,
    };
    return { kwargs: withoutDefaults(kwargs, table), tensors: {} };
  },
};
