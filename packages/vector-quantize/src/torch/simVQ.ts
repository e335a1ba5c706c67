import { type SimVQOptions, simVQTable } from "../quantizers/simVQ/options.ts";
import { simVQ } from "../quantizers/simVQ.ts";
import { maybe } from "./kwargs.ts";
import { channelFirst, flagTerm, mapping, only, oursAlone, type Term, unread } from "./mapping.ts";
import { linearFields, type Module } from "./module.ts";
import { translation } from "./translation.ts";

const transformMend =
  "Build ours with a codebookTransform of yours, and give it these arrays by hand";

export const simTerms: readonly Term[] = [
  only({ codebook_transform: maybe("object") }, "None", transformMend),
  oursAlone("codebookTransform", undefined, "none"),
  unread({ init_fn: maybe("object") }),
  channelFirst("channel_first"),
  flagTerm("rotation_trick", true),
];

export function simModule({ dim, codebookSize, frozenCodebookDim: C = dim }: SimVQOptions): Module {
  return {
    fields: [
      { name: "frozen_codebook", shape: [codebookSize, C], path: ["state", "codebook"] },
      ...linearFields("code_transform", ["params", "transform"], C, dim, false),
    ],
  };
}

/** `SimVQ` and `simVQ`. */
export const simVQTranslation = translation<SimVQOptions>({
  className: "SimVQ",
  type: "simVQ",
  mapping: mapping(simVQTable, simTerms),
  make: simVQ,
  module: simModule,
});
