import type { EmaWeightFunction } from "../../codebook/averages.ts";
import type { DeadCodeThreshold } from "../../codebook/deadCodes.ts";
import type { CodebookOptimizer } from "../../codebook/inPlace.ts";
import { checkChoice, checkHolds } from "../../errors.ts";
import { type Layout, layouts } from "../../layout/layout.ts";
import { type Commitment, commitments } from "../../losses/commitment.ts";
import {
  absent,
  atLeastZero,
  checkFloat,
  checkNamed,
  choice,
  count,
  declared,
  either,
  entry,
  flag,
  integer,
  named,
  share,
} from "../../options/kinds.ts";
import { type Complete, optionTable } from "../../options/table.ts";
import type { Metric } from "../../search/graph.ts";
import type { CodebookBridge } from "./bridge.ts";

export const gradients = ["straightThrough", "rotation", "directional", "gumbel", "none"] as const;

/**
 * How gradients pass the quantizer:
 *
 * - `straightThrough`: as if the output were the input
 * - `rotation`: turned and scaled as the input is to its code (`rotation_trick`)
 * - `directional`: DiVeQ (`directional_reparam`)
 * - `gumbel`: through the softmax of the similarities (the reference's `straight_through`)
 * - `none`: not to the input; to the codes, if they are learnable (`route_gradients_to_input` off)
 */
export type Gradient = (typeof gradients)[number];

export const maskedOutputs = ["zeros", "input"] as const;
/** What stands at masked positions of an output. */
export type MaskedOutput = (typeof maskedOutputs)[number];

/** Options of every quantizer with a codebook that follows its vectors. */
export class FollowingOptions {
  /** Feature size of the input. */
  dim: number = integer();
  /** How much of the moving averages a step keeps. Default 0.8; 0.99 moves the codes more calmly. */
  decay?: number = share(0.8);
  /** k-means iterations of `fit`. Default 10. */
  kmeansIters?: number = integer(10);
  /**
   * Codes used less than this are replaced by vectors of the batch: a count of uses a step, or
   * `{ share }` of the uniform share. Every code starts as used once. Default 0: never.
   */
  thresholdEmaDeadCode?: DeadCodeThreshold = declared(checkThreshold, 0);
  /** Weight of the commitment loss; 0 turns it off. Default 1; with `directional` gradients 0. */
  commitmentWeight?: number = atLeastZero(({ gradient }: FollowingOptions) =>
    gradient === "directional" ? 0 : 1,
  );
  /** Weight of the orthogonal loss, which trains the codes. Default 0. */
  orthogonalRegWeight?: number = atLeastZero(0);
  /** Whether that loss looks at the codes of the batch alone. Default false. */
  orthogonalRegActiveCodesOnly?: boolean = flag(false);
  /** Most codes that it looks at, drawn at random. Default: all. */
  orthogonalRegMaxCodes?: number = integer(absent);
  /** How gradients pass the quantizer. Default `rotation`; with `dim` 1, `straightThrough`. */
  gradient?: Gradient = choice(gradients, ({ dim }: FollowingOptions) =>
    dim > 1 ? "rotation" : "straightThrough",
  );
  /** Draws codes at random in training, by Gumbel noise on the similarities. Default false. */
  stochasticSampleCodes?: boolean = flag(false);
  /** Temperature of that draw; 0 takes the nearest code. Default 1. */
  sampleCodebookTemp?: number = atLeastZero(1);
}

/** Options of every quantizer whose layers are `vectorQuantize`. */
export class CodebookOptions extends FollowingOptions {
  /** Feature size of the codes; if `heads` times it is not `dim`, linear maps lead in and out. Default `dim`. */
  codebookDim?: number = integer(({ dim }: CodebookOptions) => dim);
  /** How codes are compared; `cosine` makes vectors and codes unit length (`use_cosine_sim`). Default `euclidean`. */
  metric?: Metric = choice(["euclidean", "cosine"], "euclidean");
  /** Where the features stand (`channel_last`, `accept_image_fmap`, `accept_3d_fmap`). Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");

  /** Whether gradients train the codes. Default: with `directional` gradients or a bridge. */
  learnableCodebook?: boolean = flag(
    ({ gradient, vqBridge }: CodebookOptions) => gradient === "directional" || !!vqBridge,
  );
  /** Laplace smoothing of the counts. Default 1e-5. */
  eps?: number = atLeastZero(1e-5);
  /** Whether the codes follow the moving averages. Default true, unless the codebook is learnable. */
  emaUpdate?: boolean = flag(({ learnableCodebook }: CodebookOptions) => !learnableCodebook);
  /** Whether the codes wait for `followAverages`. Default false. */
  manualEmaUpdate?: boolean = flag(false);
  /** Factor on the rate of each code's averages. */
  emaUpdateWeight?: EmaWeightFunction = named("weight");
  /** Keeps the codebook as it is in training. Default false. */
  freezeCodebook?: boolean = flag(false);
  /** Moves a learnable codebook, and its bridge, inside the forward pass. */
  inPlaceCodebookOptimizer?: CodebookOptimizer = named("optimizer.init", "optimizer.update");
  /** Whether its steps wait for `stepCodebookOptimizer`. Default false. */
  manualInPlaceOptimizerUpdate?: boolean = flag(false);
  /** Moves the codes to where the vectors are, by running mean and variance. Default false. */
  affineParam?: boolean = flag(false);
  /** How much of the vectors' mean and variance a step keeps. Default 0.99. */
  affineParamBatchDecay?: number = share(0.99);
  /** How much of the codes' mean and variance a step keeps. Default 0.9. */
  affineParamCodebookDecay?: number = share(0.9);
  /** A function of the codebook before it is compared, with parameters of its own. */
  vqBridge?: CodebookBridge = named("init", "apply");

  /** Kind of commitment loss (`commitment_use_cross_entropy_loss`). Default `squaredError`. */
  commitment?: Commitment = declared(
    either(checkNamed("loss"), (where, value) => checkChoice(where, value, commitments)),
    "squaredError",
  );
  /** Weight of the diversity loss. Default 0. */
  codebookDiversityLossWeight?: number = atLeastZero(0);
  /** Its sharpness. Default 100. */
  codebookDiversityTemperature?: number = atLeastZero(100);

  /** Noise on the direction of `directional` gradients. Default 5e-3. */
  directionalReparamVariance?: number = atLeastZero(5e-3);
  /** Share of the output's gradient that reaches the codes too, 0 to 1. Default 0. */
  syncUpdateV?: number = share(0);
  /** What stands at masked positions of the output (`return_zeros_for_masked_padding`). Default `zeros`. */
  maskedOutput?: MaskedOutput = choice(maskedOutputs, "zeros");
}

/** Options of `vectorQuantize`. The reference's names, in camelCase, beside each where they differ. */
export class VectorQuantizeOptions extends CodebookOptions {
  /** Number of codes, `K`. */
  codebookSize: number = integer();
  /** Parts that each vector is cut into; each part gets an index. Default 1. */
  heads?: number = count(1);
  /** Whether each head has a codebook of its own. Default false. */
  separateCodebookPerHead?: boolean = flag(false);
  /** Layer normalisation after the map into the codebook. Default false. */
  layernormAfterProjectIn?: boolean = flag(false);
}

/** Throws unless `value` is a count of uses or a share. */
export function checkThreshold(where: string, value: unknown): void {
  const absolute = (at: string, uses: unknown) => checkFloat(at, uses, 0);
  either(
    entry("share", (at, part) => checkFloat(at, part, 0, 1)),
    absolute,
  )(where, value);
}

/** Options that may be absent for good. */
export type Absent =
  | "emaUpdateWeight"
  | "inPlaceCodebookOptimizer"
  | "vqBridge"
  | "orthogonalRegMaxCodes";

/** The options with every default filled in. */
export type CompleteOptions = Complete<VectorQuantizeOptions, Absent>;

export const vectorQuantizeTable = optionTable<VectorQuantizeOptions, CompleteOptions>(
  "vectorQuantize",
  [VectorQuantizeOptions],
  [
    (o) =>
      o.learnableCodebook && o.emaUpdate && "emaUpdate off with a learnable codebook, got both",
    (o) =>
      o.learnableCodebook &&
      o.metric === "cosine" &&
      "metric euclidean with a learnable codebook, got cosine",
    (o) => o.vqBridge && !o.learnableCodebook && "learnableCodebook with vqBridge, got it off",
    (o) =>
      o.affineParam && o.metric === "cosine" && "metric euclidean with affineParam, got cosine",
    (o) =>
      o.gradient === "gumbel" &&
      o.learnableCodebook &&
      "a codebook that is not learnable with gumbel gradients, got one",
    (o) =>
      o.gradient === "directional" &&
      o.thresholdEmaDeadCode === 0 &&
      "thresholdEmaDeadCode above 0 with directional gradients, got 0",
    (o) =>
      o.syncUpdateV > 0 && !o.learnableCodebook && "learnableCodebook with syncUpdateV, got it off",
    (o) =>
      o.inPlaceCodebookOptimizer &&
      !trainsCodes(o) &&
      "learnableCodebook with inPlaceCodebookOptimizer, got it off",
    (o) =>
      o.separateCodebookPerHead &&
      o.heads === 1 &&
      "heads above 1 with separateCodebookPerHead, got 1",
    ({ separateCodebookPerHead, heads, codebookSize, codebookDim }, where) =>
      checkHolds(where, "codebook", separateCodebookPerHead ? heads : 1, codebookSize, codebookDim),
    ({ dim, heads, codebookDim }, where) =>
      heads * codebookDim !== dim && checkHolds(where, "linear maps", dim, heads * codebookDim),
  ],
);

/** Whether the codes are parameters, trained by gradients. */
export function trainsCodes(options: CompleteOptions): boolean {
  return options.learnableCodebook || options.orthogonalRegWeight > 0;
}

/**
 * Whether a search and an update outside the graph come to the same: nothing is drawn in the search,
 * nothing that the losses look at moves between the two, and no key has to be shared by the noise of
 * the output and the replacement of dead codes.
 */
export function trainsApart(options: CompleteOptions): boolean {
  return !(
    options.stochasticSampleCodes ||
    options.gradient === "directional" ||
    options.affineParam ||
    options.inPlaceCodebookOptimizer ||
    options.orthogonalRegWeight > 0
  );
}

/**
 * Whether a training step comes to this: the nearest of the stored codes, its squared error, and a
 * gradient that knows the vector and its code alone.
 */
export function trainsBySearch(options: CompleteOptions): boolean {
  return (
    trainsApart(options) &&
    !trainsCodes(options) &&
    !options.vqBridge &&
    options.commitment === "squaredError" &&
    options.codebookDiversityLossWeight === 0 &&
    options.syncUpdateV === 0 &&
    ["rotation", "straightThrough"].includes(options.gradient)
  );
}
