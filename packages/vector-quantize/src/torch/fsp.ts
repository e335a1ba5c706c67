import { checkChoice } from "../errors.ts";
import { referenceName } from "../options/referenceNames.ts";
import type { VectorNormPreset } from "../quantizers/fsp/vectorNorm.ts";
import {
  type FiniteScalarPerturbation,
  type FspOptions,
  fsp,
  fspTable,
} from "../quantizers/fsp.ts";
import { isRecord } from "../tree.ts";
import { maybe } from "./kwargs.ts";
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

const usual = "var_tanh";

/** A preset by name; or `vec_norm`, which the reference has as a module: numbers by name. */
const vectorNorm: Term = {
  options: ["vectorNorm"],
  kwargs: { vector_norm: { kind: "string", fallback: usual }, vec_norm: maybe("object") },
  ours({ vector_norm: theirs, vec_norm: own }, where) {
    if (own !== null) return { vectorNorm: renamed(own, ourName) };
    checkChoice(`${where}: vector_norm`, theirs, Object.values(norms));
    const [ours] = Object.entries(norms).find(([, name]) => name === theirs) as [string, string];
    return theirs !== usual && { vectorNorm: ours };
  },
  theirs: ({ vectorNorm: ours }) =>
    typeof ours === "string"
      ? { vector_norm: norms[ours as VectorNormPreset] }
      : { vec_norm: renamed(ours, referenceName) },
};

const ourName = (name: string) =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The entries of an object under other names. */
const renamed = (given: unknown, name: (own: string) => string): unknown =>
  isRecord(given)
    ? Object.fromEntries(Object.entries(given).map(([own, value]) => [name(own), value]))
    : given;

/** `FSP` and `fsp`. */
export const fspTranslation = translation<FspOptions, FiniteScalarPerturbation>({
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
