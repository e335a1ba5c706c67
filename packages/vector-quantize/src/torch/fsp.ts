import { checkChoice, expected } from "../errors.ts";
import type { VectorNormPreset } from "../quantizers/fsp/vectorNorm.ts";
import { type FspOptions, fsp, fspTable } from "../quantizers/fsp.ts";
import { channelFirst, mapping, oneWord, type Term } from "./mapping.ts";
import { linearMaps } from "./module.ts";
import { translation } from "./translation.ts";

/** The reference's preset of each of ours. */
const norms: Record<VectorNormPreset, string> = {
  none: "none",
  var: "var",
  kurt: "kurt",
  varTanh: "var_tanh",
  varSigmoid: "var_sigmoid",
  varLaplace: "var_laplace",
};

const vectorNorm: Term = {
  options: ["vectorNorm"],
  kwargs: { vector_norm: { kind: "string", fallback: "var_tanh" } },
  ours({ vector_norm: theirs }, where) {
    checkChoice(`${where}: vector_norm`, theirs, Object.values(norms));
    const [ours] = Object.entries(norms).find(([, name]) => name === theirs) as [string, string];
    return ours !== "varTanh" && { vectorNorm: ours };
  },
  theirs({ vectorNorm: ours }, where) {
    if (typeof ours === "string") return { vector_norm: norms[ours as VectorNormPreset] };
    const mend = "Choose one, or set module.vector_norm by hand";
    throw expected(`${where}: vectorNorm`, "a preset, as in the reference", ours, mend);
  },
};

/** `FSP` and `fsp`. */
export const fspTranslation = translation<FspOptions>({
  className: "FSP",
  type: "fsp",
  mapping: mapping(fspTable, [
    channelFirst("channel_first"),
    oneWord("levels", ({ levels }) => levels as number[]),
    vectorNorm,
  ]),
  make: fsp,
  module(given) {
    const { dim, levels, projectionHasBias } = fspTable.withDefaults(given);
    return { fields: linearMaps(dim, levels.length, projectionHasBias) };
  },
});
