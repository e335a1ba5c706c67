import { checkChoice, expected } from "../errors.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { activations } from "../quantizers/fsp/distributions.ts";
import type { VectorNormPreset } from "../quantizers/fsp/vectorNorm.ts";
import { type FspOptions, fsp, fspTable } from "../quantizers/fsp.ts";
import type { LookupFreeParams } from "../quantizers/lookupFree/family.ts";
import { completeKwargs, flagKwarg, own, sharedOptions, text, withoutDefaults } from "./kwargs.ts";
import {
  checkOneWord,
  isChannelFirst,
  type LookupFreeArrays,
  layoutOption,
  lookupFreeParamTensors,
  lookupFreeShapes,
  lookupFreeVariables,
} from "./lookupFree.ts";
import { checkTensors } from "./tensors.ts";
import type { Translation } from "./translation.ts";

const same = sharedOptions(fspTable, ["dim", "projectionHasBias", "quantizeRate"]);
const table = {
  ...same.kwargs,
  levels: own,
  channel_first: flagKwarg(false),
  act_name: text("tanh"),
  need_inv_act: flagKwarg(false),
  vector_norm: text("var_tanh"),
};

/** The reference's preset of each of ours. */
const norms: Record<VectorNormPreset, string> = {
  none: "none",
  var: "var",
  kurt: "kurt",
  varTanh: "var_tanh",
  varSigmoid: "var_sigmoid",
  varLaplace: "var_laplace",
};

function normOf(where: string, theirs: string): VectorNormPreset {
  checkChoice(`${where}: vector_norm`, theirs, Object.values(norms));
  const [ours] = Object.entries(norms).find(([, name]) => name === theirs) as [string, string];
  return ours as VectorNormPreset;
}

function arraysOf(given: FspOptions): LookupFreeArrays {
  const { levels, dim, projectionHasBias } = fspTable.withDefaults(given);
  const width = levels.length;
  return { dim, width, maps: dim !== width, bias: projectionHasBias };
}

/** `FSP` and `fsp`. */
export const fspTranslation: Translation = {
  className: "FSP",
  type: "fsp",

  fromTorch(all, tensors) {
    const where = "fromTorch FSP";
    const kwargs = completeKwargs(where, all, table);
    const { act_name: activation } = kwargs;
    checkChoice(`${where}: act_name`, activation, activations);
    const norm = normOf(where, kwargs.vector_norm);
    const given: FspOptions = {
      levels: kwargs.levels as number[],
      ...same.ours(kwargs),
      ...layoutOption(kwargs.channel_first),
      ...(activation !== "tanh" && { activation }),
      ...(kwargs.need_inv_act && { inverseActivation: true }),
      ...(norm !== "varTanh" && { vectorNorm: norm }),
    };
    const quantizer = fsp(given) as unknown as Quantizer;
    const arrays = arraysOf(given);
    checkTensors(where, tensors, lookupFreeShapes(arrays));
    return { quantizer, variables: lookupFreeVariables(arrays, tensors) as never };
  },

  toTorch(config, { params }) {
    const where = "toTorch fsp";
    const given = config as unknown as FspOptions;
    const options = fspTable.withDefaults(given);
    const { vectorNorm: norm } = options;
    checkOneWord(`${where}: levels`, given.levels);
    if (typeof norm !== "string") {
      const mend = "Choose one, or set module.vector_norm by hand";
      throw expected(`${where}: vectorNorm`, "a preset, as in the reference", norm, mend);
    }
    const kwargs = {
      ...same.theirs(given),
      levels: given.levels,
      channel_first: isChannelFirst(options.layout),
      act_name: options.activation,
      need_inv_act: options.inverseActivation,
      vector_norm: norms[norm],
    };
    return {
      kwargs: withoutDefaults(kwargs, table),
      tensors: lookupFreeParamTensors(params as LookupFreeParams),
    };
  },
};
