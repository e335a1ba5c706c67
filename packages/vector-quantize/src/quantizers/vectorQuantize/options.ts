import type { EmaWeightFunction } from "../../codebook/averages.ts";
import type { DeadCodeThreshold } from "../../codebook/deadCodes.ts";
import type { CodebookOptimizer } from "../../codebook/inPlace.ts";
import type { Layout } from "../../layout/layout.ts";
import type { Commitment } from "../../losses/commitment.ts";
import type { Metric } from "../../search/graph.ts";
import type { CodebookBridge } from "./bridge.ts";

/** Options of `vectorQuantize`. The reference's names, in camelCase, beside each where they differ. */
export interface VectorQuantizeOptions {
  /** Feature size of the input. */
  dim: number;
  /** Number of codes, `K`. */
  codebookSize: number;
  /** Feature size of the codes; if `heads` times it is not `dim`, linear maps lead in and out. Default `dim`. */
  codebookDim?: number;
  /** Parts that each vector is cut into; each part gets an index. Default 1. */
  heads?: number;
  /** Whether each head has a codebook of its own. Default false. */
  separateCodebookPerHead?: boolean;
  /** How codes are compared; `cosine` makes vectors and codes unit length (`use_cosine_sim`). Default `euclidean`. */
  metric?: Metric;
  /** Where the features stand (`channel_last`, `accept_image_fmap`, `accept_3d_fmap`). Default `channelLast`. */
  layout?: Layout;
  /** Layer normalisation after the map into the codebook. Default false. */
  layernormAfterProjectIn?: boolean;

  /** How much of the moving averages a step keeps. Default 0.8; 0.99 moves the codes more calmly. */
  decay?: number;
  /** Laplace smoothing of the counts. Default 1e-5. */
  eps?: number;
  /** Whether the codes follow the moving averages. Default true, unless the codebook is learnable. */
  emaUpdate?: boolean;
  /** Whether the codes wait for `followAverages`. Default false. */
  manualEmaUpdate?: boolean;
  /** Factor on the rate of each code's averages. */
  emaUpdateWeight?: EmaWeightFunction;
  /**
   * Codes used less than this are replaced by vectors of the batch: a count of uses a step, or
   * `{ share }` of the uniform share. Every code starts as used once. Default 0: never.
   */
  thresholdEmaDeadCode?: DeadCodeThreshold;
  /** Keeps the codebook as it is in training. Default false. */
  freezeCodebook?: boolean;
  /** k-means iterations of `fit`. Default 10. */
  kmeansIters?: number;

  /** Whether gradients train the codes. Default: with `directional` gradients or a bridge. */
  learnableCodebook?: boolean;
  /** Moves a learnable codebook inside the forward pass. */
  inPlaceCodebookOptimizer?: CodebookOptimizer;
  /** Whether its steps wait for `stepCodebookOptimizer`. Default false. */
  manualInPlaceOptimizerUpdate?: boolean;
  /** Moves the codes to where the vectors are, by running mean and variance. Default false. */
  affineParam?: boolean;
  /** How much of the vectors' mean and variance a step keeps. Default 0.99. */
  affineParamBatchDecay?: number;
  /** How much of the codes' mean and variance a step keeps. Default 0.9. */
  affineParamCodebookDecay?: number;
  /** A function of the codebook before it is compared, with parameters of its own. */
  vqBridge?: CodebookBridge;

  /** Weight of the commitment loss; 0 turns it off. Default 1; with `directional` gradients 0. */
  commitmentWeight?: number;
  /** Kind of commitment loss (`commitment_use_cross_entropy_loss`). Default `squaredError`. */
  commitment?: Commitment;
  /** Weight of the orthogonal loss, which trains the codes. Default 0. */
  orthogonalRegWeight?: number;
  /** Whether that loss looks at the codes of the batch alone. Default false. */
  orthogonalRegActiveCodesOnly?: boolean;
  /** Most codes that it looks at, drawn at random. Default: all. */
  orthogonalRegMaxCodes?: number;
  /** Weight of the diversity loss. Default 0. */
  codebookDiversityLossWeight?: number;
  /** Its sharpness. Default 100. */
  codebookDiversityTemperature?: number;

  /** How gradients pass the quantizer. Default `rotation`; with `dim` 1, `straightThrough`. */
  gradient?: Gradient;
  /** Noise on the direction of `directional` gradients. Default 5e-3. */
  directionalReparamVariance?: number;
  /** Share of the output's gradient that reaches the codes too, 0 to 1. Default 0. */
  syncUpdateV?: number;
  /** Draws codes at random in training, by Gumbel noise on the similarities. Default false. */
  stochasticSampleCodes?: boolean;
  /** Temperature of that draw; 0 takes the nearest code. Default 1. */
  sampleCodebookTemp?: number;
  /** What stands at masked positions of the output (`return_zeros_for_masked_padding`). Default `zeros`. */
  maskedOutput?: MaskedOutput;
}

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

/** Options that may be absent for good. */
type Absent = "emaUpdateWeight" | "inPlaceCodebookOptimizer" | "vqBridge" | "orthogonalRegMaxCodes";

/** The options with every default filled in. */
export type CompleteOptions = Required<Omit<VectorQuantizeOptions, Absent>> &
  Pick<VectorQuantizeOptions, Absent>;

/** Fills in the defaults. */
export function withDefaults(given: VectorQuantizeOptions): CompleteOptions {
  const directional = given.gradient === "directional";
  const learnableCodebook =
    given.learnableCodebook ?? (directional || given.vqBridge !== undefined);
  return {
    codebookDim: given.dim,
    heads: 1,
    separateCodebookPerHead: false,
    metric: "euclidean",
    layout: "channelLast",
    layernormAfterProjectIn: false,
    decay: 0.8,
    eps: 1e-5,
    emaUpdate: !learnableCodebook,
    manualEmaUpdate: false,
    thresholdEmaDeadCode: 0,
    freezeCodebook: false,
    kmeansIters: 10,
    learnableCodebook,
    manualInPlaceOptimizerUpdate: false,
    affineParam: false,
    affineParamBatchDecay: 0.99,
    affineParamCodebookDecay: 0.9,
    commitmentWeight: directional ? 0 : 1,
    commitment: "squaredError",
    orthogonalRegWeight: 0,
    orthogonalRegActiveCodesOnly: false,
    codebookDiversityLossWeight: 0,
    codebookDiversityTemperature: 100,
    gradient: given.dim > 1 ? "rotation" : "straightThrough",
    directionalReparamVariance: 5e-3,
    syncUpdateV: 0,
    stochasticSampleCodes: false,
    sampleCodebookTemp: 1,
    maskedOutput: "zeros",
    ...given,
  };
}

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
export function trainsPlainly(options: CompleteOptions): boolean {
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

/** The options as plain JSON: the user's own functions by their names. */
export function savedOptions(given: VectorQuantizeOptions): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([option, value]) => [
      option,
      typeof value === "object" && "name" in value ? { name: value.name } : value,
    ]),
  );
}
