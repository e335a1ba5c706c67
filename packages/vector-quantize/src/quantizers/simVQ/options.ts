import type { numpy as np } from "@jax-js/jax";
import {
  checkChoice,
  checkInteger,
  checkKnownOptions,
  checkNumber,
  expected,
} from "../../errors.ts";
import { checkLayout, type Layout } from "../../layout/layout.ts";
import type { ArrayTree } from "../../tree.ts";

/**
 * A user's function from the frozen codebook to the codes, with parameters that are trained. Its
 * name is saved with the model; loading asks for it again.
 */
export interface CodeTransform {
  readonly name: string;
  /** Its parameters, from codes of `inputs` features to codes of `outputs`. */
  init(key: np.Array, inputs: number, outputs: number): ArrayTree;
  /** `[K, inputs]` to `[K, outputs]`. */
  apply(params: ArrayTree, codes: np.Array): np.Array;
}

/** Options of `simVQ`. The reference's names, in camelCase, beside each where they differ. */
export interface SimVQOptions {
  /** Feature size of the input. */
  dim: number;
  /** Number of codes, `K`. */
  codebookSize: number;
  /** From the frozen codebook to the codes. Default: a linear map without bias. */
  codebookTransform?: CodeTransform;
  /** Feature size of the frozen codebook. Default `dim`. */
  frozenCodebookDim?: number;
  /** Where the features stand (`channel_first`). Default `channelLast`. */
  layout?: Layout;
  /** How gradients pass to the input (`rotation_trick`). Default `rotation`. */
  gradient?: SimVQGradient;
  /** Weight of the input's own part in the commitment loss. Default 0.25. */
  inputToQuantizeCommitLossWeight?: number;
  /** Weight of the commitment loss. Default 1. */
  commitmentWeight?: number;
}

const simVQGradients = ["rotation", "straightThrough"] as const;
/** How gradients pass the quantizer: see `Gradient` of `vectorQuantize`. */
export type SimVQGradient = (typeof simVQGradients)[number];

/** The options with every default filled in. */
export type CompleteSimVQOptions = Required<Omit<SimVQOptions, "codebookTransform">> &
  Pick<SimVQOptions, "codebookTransform">;

/** Checks the options and fills in the defaults. */
export function completeSimVQOptions(given: SimVQOptions): CompleteSimVQOptions {
  const where = "simVQ";
  const options: CompleteSimVQOptions = {
    frozenCodebookDim: given.dim,
    layout: "channelLast",
    gradient: "rotation",
    inputToQuantizeCommitLossWeight: 0.25,
    commitmentWeight: 1,
    ...given,
  };
  checkKnownOptions(where, given, [...Object.keys(options), "codebookTransform"]);
  checkInteger(`${where}: dim`, options.dim);
  checkInteger(`${where}: codebookSize`, options.codebookSize);
  checkInteger(`${where}: frozenCodebookDim`, options.frozenCodebookDim);
  checkLayout(`${where}: layout`, options.layout);
  checkChoice(`${where}: gradient`, options.gradient, simVQGradients);
  checkNumber(
    `${where}: inputToQuantizeCommitLossWeight`,
    options.inputToQuantizeCommitLossWeight,
    0,
  );
  checkNumber(`${where}: commitmentWeight`, options.commitmentWeight, 0);
  checkTransform(`${where}: codebookTransform`, given.codebookTransform);
  return options;
}

function checkTransform(where: string, transform: CodeTransform | undefined): void {
  if (transform === undefined) return;
  const { name, init, apply } = transform;
  if (typeof name !== "string" || name === "") {
    throw expected(where, "an object with a name to save it by", transform);
  }
  if (typeof init !== "function" || typeof apply !== "function") {
    const mend = `Loading a model with ${JSON.stringify(name)} needs it again`;
    throw expected(`${where}: init and apply`, "functions of yours", init ?? apply, mend);
  }
}
