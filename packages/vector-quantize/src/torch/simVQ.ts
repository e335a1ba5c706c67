import { type SimVQOptions, simVQTable } from "../quantizers/simVQ/options.ts";
import { type SimVQuantizer, simVQ } from "../quantizers/simVQ.ts";
import { maybe } from "./kwargs.ts";
import { channelFirst, flagTerm, mapping, type Term, unread } from "./mapping.ts";
import { linearFields, type Module } from "./module.ts";
import { ownArrays } from "./ownArrays.ts";
import { translation } from "./translation.ts";

export const simTerms: readonly Term[] = [
  unread({ init_fn: maybe("object") }),
  channelFirst("channel_first"),
  flagTerm("rotation_trick", true),
];

export function simModule(given: SimVQOptions): Module {
  const { dim, codebookSize, frozenCodebookDim: C = dim, codebookTransform: own } = given;
  const path = ["params", "transform"];
  const frozen = { name: "frozen_codebook", shape: [codebookSize, C], path: ["state", "codebook"] };
  if (own) {
    const arrays = ownArrays("code_transform.", path, own, (key) => own.init(key, C, dim));
    return { fields: [frozen], owned: [arrays] };
  }
  return { fields: [frozen, ...linearFields("code_transform", path, C, dim, false)] };
}

/** `SimVQ` and `simVQ`. */
export const simVQTranslation = translation<SimVQOptions, SimVQuantizer>({
  className: "SimVQ",
  type: "simVQ",
  mapping: mapping(simVQTable, simTerms),
  make: simVQ,
  module: simModule,
});
