import type { numpy as np } from "@jax-js/jax";
import { checkHolds } from "../../errors.ts";
import { type Layout, layouts } from "../../layout/layout.ts";
import { atLeastZero, choice, integer, named } from "../../options/kinds.ts";
import { type Complete, optionTable } from "../../options/table.ts";
import type { TorchArrays } from "../../options/torchArrays.ts";
import type { ArrayTree } from "../../tree.ts";

/**
 * A user's function from the frozen codebook to the codes, with parameters that are trained. Its
 * name is saved with the model; loading asks for it again.
 */
export interface CodeTransform extends TorchArrays {
  readonly name: string;
  /** Its parameters, from codes of `inputs` features to codes of `outputs`. */
  init(key: np.Array, inputs: number, outputs: number): ArrayTree;
  /** `[K, inputs]` to `[K, outputs]`. */
  apply(params: ArrayTree, codes: np.Array): np.Array;
}

const simVQGradients = ["rotation", "straightThrough"] as const;
/** How gradients pass the quantizer: see `Gradient` of `vectorQuantize`. */
export type SimVQGradient = (typeof simVQGradients)[number];

/** Options of `simVQ`. The reference's names, in camelCase, beside each where they differ. */
export class SimVQOptions {
  /** Feature size of the input. */
  dim: number = integer();
  /** Number of codes, `K`. */
  codebookSize: number = integer();
  /** From the frozen codebook to the codes. Default: a linear map without bias. */
  codebookTransform?: CodeTransform = named("init", "apply");
  /** Feature size of the frozen codebook. Default `dim`. */
  frozenCodebookDim?: number = integer(({ dim }: SimVQOptions) => dim);
  /** Where the features stand (`channel_first`). Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");
  /** How gradients pass to the input (`rotation_trick`). Default `rotation`. */
  gradient?: SimVQGradient = choice(simVQGradients, "rotation");
  /** Weight of the input's own part in the commitment loss. Default 0.25. */
  inputToQuantizeCommitLossWeight?: number = atLeastZero(0.25);
  /** Weight of the commitment loss. Default 1. */
  commitmentWeight?: number = atLeastZero(1);
}

export const simVQTable = optionTable<SimVQOptions, Complete<SimVQOptions, "codebookTransform">>(
  "simVQ",
  [SimVQOptions],
  [
    ({ codebookSize, frozenCodebookDim }, where) =>
      checkHolds(where, "codebook", codebookSize, frozenCodebookDim),
    ({ codebookSize, dim }, where) => checkHolds(where, "codes", codebookSize, dim),
    ({ frozenCodebookDim, dim }, where) => checkHolds(where, "linear map", frozenCodebookDim, dim),
  ],
);
