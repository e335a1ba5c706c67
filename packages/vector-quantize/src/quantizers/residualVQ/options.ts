import { checkHolds, expected } from "../../errors.ts";
import {
  absent,
  checkPositive,
  checkSize,
  count,
  declared,
  flag,
  integer,
  list,
  share,
} from "../../options/kinds.ts";
import { type Complete, optionTable, part } from "../../options/table.ts";
import { checkDropout, QuantizeDropoutOptions } from "../residual/dropout.ts";
import {
  type Absent,
  CodebookOptions,
  type VectorQuantizeOptions,
} from "../vectorQuantize/options.ts";

/** Options of `residualVQ` that its layers do not have. */
export class ResidualVQOwnOptions extends QuantizeDropoutOptions {
  /** Codes of every layer, or of each. */
  codebookSize: number | readonly number[] = declared(checkSizes);
  /** Number of layers, `Q`. Default: as many as codebook sizes are given. */
  numQuantizers?: number = count(({ codebookSize }: ResidualVQOwnOptions) =>
    typeof codebookSize === "number" ? undefined : codebookSize.length,
  );
  /** Whether all layers use one codebook, which then moves once a step. Default false. */
  sharedCodebook?: boolean = flag(false);
  /** Codes made by a network from what the layers before quantized (QINCo). Default false. */
  implicitNeuralCodebook?: boolean = flag(false);
  /** Residual blocks of that network (`mlp_kwargs.depth`). Default 4. */
  implicitDepth?: number = count(4);
  /** Features of these blocks (`mlp_kwargs.dim_hidden`). Default `codebookDim`. */
  implicitHidden?: number = integer(({ codebookDim }: Required<CodebookOptions>) => codebookDim);
  /** Paths that the search keeps in training. Default 1. */
  beamSize?: number = count(1);
  /** Paths that it keeps in evaluation. Default `beamSize`. */
  evalBeamSize?: number = count(({ beamSize }: Required<ResidualVQOwnOptions>) => beamSize);
  /** Weights of the layers in the score of a path. Default 1 each. */
  beamScoreQuantizerWeights?: readonly number[] = declared(
    list("a list of weights", (where, value) => checkPositive(where, value)),
    absent,
  );
  /** Share of the gradient that later layers send to earlier ones. Default 0. */
  quantGradFrac?: number = share(0);
}

/** Options of `residualVQ`: its own, and those of its layers. */
export interface ResidualVQOptions extends CodebookOptions, ResidualVQOwnOptions {}

/** The options with every default filled in. */
export type CompleteResidualVQOptions = Complete<
  ResidualVQOptions,
  Absent | "beamScoreQuantizerWeights"
>;

const oneHead = "a layer has one head";

export const residualVQTable = optionTable<ResidualVQOptions, CompleteResidualVQOptions>(
  "residualVQ",
  [CodebookOptions, ResidualVQOwnOptions],
  [
    checkLayers,
    (options, where) => checkDropout(where, options, options.numQuantizers),
    (options, where) => {
      const sizes = options.sharedCodebook ? sizesOf(options).slice(0, 1) : sizesOf(options);
      const codes = sizes.reduce((sum, size) => sum + size, 0);
      return checkHolds(where, "codebooks of all layers", codes, options.codebookDim);
    },
    ({ dim, codebookDim }, where) =>
      dim !== codebookDim && checkHolds(where, "linear maps", dim, codebookDim),
    (o, where) =>
      o.implicitNeuralCodebook &&
      checkHolds(
        where,
        "implicit networks",
        o.numQuantizers,
        2 * o.implicitDepth,
        o.codebookDim,
        o.implicitHidden + 1,
      ),
  ],
  { heads: oneHead, separateCodebookPerHead: oneHead, layernormAfterProjectIn: oneHead },
);

/** The codebook size of each layer. */
export const sizesOf = ({ codebookSize, numQuantizers = 0 }: ResidualVQOptions) =>
  typeof codebookSize === "number"
    ? Array.from({ length: numQuantizers }, () => codebookSize)
    : codebookSize;

/** The options of each layer, as `vectorQuantize` takes them. */
export function residualLayerOptions(given: ResidualVQOptions): VectorQuantizeOptions[] {
  const { codebookDim = given.dim } = given;
  return sizesOf(given).map((codebookSize) => ({
    ...part(CodebookOptions, given),
    dim: codebookDim,
    codebookDim,
    layout: "channelLast",
    maskedOutput: "zeros",
    codebookSize,
    ...(given.implicitNeuralCodebook && { learnableCodebook: true, emaUpdate: false }),
    ...(given.gradient === "directional" && {
      gradient: "none" as const,
      learnableCodebook: true,
      emaUpdate: false,
      commitmentWeight: 0,
    }),
  }));
}

function checkSizes(where: string, value: unknown): void {
  if (Array.isArray(value)) list("at least one size", checkSize)(where, value);
  else checkSize(where, value);
}

/** Throws unless all that goes by layers is as long as there are layers. */
function checkLayers(options: CompleteResidualVQOptions, where: string): undefined {
  const { numQuantizers: Q, codebookSize, beamScoreQuantizerWeights: weights } = options;
  if (Q === undefined) throw expected(`${where}: numQuantizers`, "the number of layers", Q);
  if (typeof codebookSize === "object" && codebookSize.length !== Q) {
    throw expected(`${where}: codebookSize`, `${Q} sizes, one per layer`, codebookSize);
  }
  if (weights && weights.length !== Q) {
    throw expected(`${where}: beamScoreQuantizerWeights`, `${Q} weights, one per layer`, weights);
  }
  if (options.sharedCodebook && new Set(sizesOf(options)).size > 1) {
    const one = "one size for all layers";
    throw expected(`${where}: codebookSize with sharedCodebook`, one, codebookSize);
  }
}
