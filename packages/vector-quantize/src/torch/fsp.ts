import { checkChoice, expected } from "../errors.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { activations } from "../quantizers/fsp/distributions.ts";
import type { VectorNormPreset } from "../quantizers/fsp/vectorNorm.ts";
import { type FspOptions, fsp } from "../quantizers/fsp.ts";
import type { LookupFreeParams } from "../quantizers/lookupFree/family.ts";
import { completeKwargs, flag, maybeNumber, number, own, text, withoutDefaults } from "./kwargs.ts";
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

const table = {
  levels: own,
  dim: maybeNumber,
  channel_first: flag(false),
  projection_has_bias: flag(true),
  act_name: text("tanh"),
  quantize_rate: number(0),
  need_inv_act: flag(false),
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

const arraysOf = ({ levels, dim, projectionHasBias }: FspOptions): LookupFreeArrays => ({
  dim: dim ?? levels.length,
  width: levels.length,
  maps: dim !== undefined && dim !== levels.length,
  bias: projectionHasBias ?? true,
});

/** `FSP` and `fsp`. */
export const fspTranslation: Translation = {
  className: "FSP",
  type: "fsp",

  fromTorch(all, tensors) {
    const where = "fromTorch FSP";
    const kwargs = completeKwargs(where, all, table);
    const { dim, act_name: activation, quantize_rate: rate } = kwargs;
    checkChoice(`${where}: act_name`, activation, activations);
    const norm = normOf(where, kwargs.vector_norm);
    const given: FspOptions = {
      levels: kwargs.levels as number[],
      ...(dim !== null && { dim }),
      ...layoutOption(kwargs.channel_first),
      ...(!kwargs.projection_has_bias && { projectionHasBias: false }),
      ...(activation !== "tanh" && { activation }),
      ...(rate !== 0 && { quantizeRate: rate }),
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
    const norm = given.vectorNorm ?? "varTanh";
    checkOneWord(`${where}: levels`, given.levels);
    if (typeof norm !== "string") {
      const mend = "Choose one, or set module.vector_norm by hand";
      throw expected(`${where}: vectorNorm`, "a preset, as in the reference", norm, mend);
    }
    const kwargs = {
      levels: given.levels,
      dim: given.dim ?? null,
      channel_first: isChannelFirst(given.layout),
      projection_has_bias: given.projectionHasBias ?? true,
      act_name: given.activation ?? "tanh",
      quantize_rate: given.quantizeRate ?? 0,
      need_inv_act: given.inverseActivation ?? false,
      vector_norm: norms[norm],
    };
    return {
      kwargs: withoutDefaults(kwargs, table),
      tensors: lookupFreeParamTensors(params as LookupFreeParams),
    };
  },
};
