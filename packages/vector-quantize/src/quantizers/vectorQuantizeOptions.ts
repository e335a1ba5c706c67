import type { DeadCodeThreshold } from "../codebook/deadCodes.ts";
import {
  checkChoice,
  checkInteger,
  checkKnownOptions,
  checkNumber,
  expected,
  VectorQuantizeError,
} from "../errors.ts";
import { checkLayout, type Layout } from "../layout/layout.ts";
import { type Commitment, commitments } from "../losses/commitment.ts";
import type { Metric } from "../search/graph.ts";

/** Options of `vectorQuantize`. The reference's names, in camelCase, beside each where they differ. */
export interface VectorQuantizeOptions {
  /** Feature size of the input. */
  dim: number;
  /** Number of codes, `K`. */
  codebookSize: number;
  /** Feature size of the codes; if it is not `dim`, linear maps lead in and out. Default `dim`. */
  codebookDim?: number;
  /** How codes are compared; `cosine` makes vectors and codes unit length (`use_cosine_sim`). Default `euclidean`. */
  metric?: Metric;
  /** Where the features stand (`channel_last`, `accept_image_fmap`, `accept_3d_fmap`). Default `channelLast`. */
  layout?: Layout;
  /** How much of the moving averages a step keeps. Default 0.8; 0.99 moves the codes more calmly. */
  decay?: number;
  /** Laplace smoothing of the counts. Default 1e-5. */
  eps?: number;
  /** Whether the codes follow the moving averages. Default true. */
  emaUpdate?: boolean;
  /**
   * Codes used less than this are replaced by vectors of the batch
   * (`threshold_ema_dead_code`): a count of uses a step, or `{ share }` of the uniform share. Default 0: never.
   */
  thresholdEmaDeadCode?: DeadCodeThreshold;
  /** Weight of the commitment loss; 0 turns it off. Default 1. */
  commitmentWeight?: number;
  /** Kind of commitment loss (`commitment_use_cross_entropy_loss`). Default `squaredError`. */
  commitment?: Commitment;
  /** How gradients pass the quantizer (`rotation_trick`). Default `rotation`; with `dim` 1, `straightThrough`. */
  gradient?: Gradient;
  /** Draws codes at random in training, by Gumbel noise on the similarities. Default false. */
  stochasticSampleCodes?: boolean;
  /** Temperature of that draw; 0 takes the nearest code. Default 1. */
  sampleCodebookTemp?: number;
  /** Keeps the codebook as it is in training. Default false. */
  freezeCodebook?: boolean;
  /** k-means iterations of `fit`. Default 10. */
  kmeansIters?: number;
  /** What stands at masked positions of the output (`return_zeros_for_masked_padding`). Default `zeros`. */
  maskedOutput?: MaskedOutput;
}

export const gradients = ["straightThrough", "rotation"] as const;
/** How the gradient passes the rounding to a code. */
export type Gradient = (typeof gradients)[number];

const maskedOutputs = ["zeros", "input"] as const;
/** What `apply` puts out where the mask is false. */
export type MaskedOutput = (typeof maskedOutputs)[number];

/** The options with every default filled in. */
export type CompleteOptions = Required<VectorQuantizeOptions>;

const where = "vectorQuantize";

/** Checks the options and fills in the defaults. Throws at the first that cannot be used. */
export function completeOptions(given: VectorQuantizeOptions): CompleteOptions {
  const options: CompleteOptions = {
    dim: given.dim,
    codebookSize: given.codebookSize,
    codebookDim: given.codebookDim ?? given.dim,
    metric: given.metric ?? "euclidean",
    layout: given.layout ?? "channelLast",
    decay: given.decay ?? 0.8,
    eps: given.eps ?? 1e-5,
    emaUpdate: given.emaUpdate ?? true,
    thresholdEmaDeadCode: given.thresholdEmaDeadCode ?? 0,
    commitmentWeight: given.commitmentWeight ?? 1,
    commitment: given.commitment ?? "squaredError",
    gradient: given.gradient ?? (given.dim > 1 ? "rotation" : "straightThrough"),
    stochasticSampleCodes: given.stochasticSampleCodes ?? false,
    sampleCodebookTemp: given.sampleCodebookTemp ?? 1,
    freezeCodebook: given.freezeCodebook ?? false,
    kmeansIters: given.kmeansIters ?? 10,
    maskedOutput: given.maskedOutput ?? "zeros",
  };
  checkKnownOptions(where, given, Object.keys(options));
  checkInteger(`${where}: dim`, options.dim);
  checkInteger(`${where}: codebookSize`, options.codebookSize);
  checkInteger(`${where}: codebookDim`, options.codebookDim);
  checkChoice(`${where}: metric`, options.metric, ["euclidean", "cosine"]);
  checkLayout(`${where}: layout`, options.layout);
  checkNumber(`${where}: decay`, options.decay, 0, 1);
  checkNumber(`${where}: eps`, options.eps, 0);
  checkFlag("emaUpdate", options.emaUpdate);
  checkThreshold(options.thresholdEmaDeadCode);
  checkNumber(`${where}: commitmentWeight`, options.commitmentWeight, 0);
  checkCommitment(options.commitment);
  checkChoice(`${where}: gradient`, options.gradient, gradients);
  checkFlag("stochasticSampleCodes", options.stochasticSampleCodes);
  checkNumber(`${where}: sampleCodebookTemp`, options.sampleCodebookTemp, 0);
  checkFlag("freezeCodebook", options.freezeCodebook);
  checkInteger(`${where}: kmeansIters`, options.kmeansIters);
  checkChoice(`${where}: maskedOutput`, options.maskedOutput, maskedOutputs);
  return options;
}

function checkFlag(name: string, value: unknown): void {
  if (typeof value !== "boolean") throw expected(`${where}: ${name}`, "true or false", value);
}

function checkThreshold(threshold: unknown): void {
  const name = `${where}: thresholdEmaDeadCode`;
  if (typeof threshold === "object" && threshold !== null) {
    checkKnownOptions(name, threshold, ["share"]);
    checkNumber(`${name}.share`, (threshold as { share?: unknown }).share, 0, 1);
  } else {
    checkNumber(name, threshold, 0);
  }
}

function checkCommitment(commitment: Commitment): void {
  const name = `${where}: commitment`;
  if (typeof commitment !== "object" || commitment === null) {
    checkChoice(name, commitment, commitments);
    return;
  }
  if (typeof commitment.name !== "string" || commitment.name === "") {
    throw expected(`${name}.name`, "a name to save the function by", commitment.name);
  }
  if (typeof commitment.loss !== "function") {
    throw expected(
      `${name}.loss`,
      "a function",
      commitment.loss,
      `Loading a model with the commitment loss ${JSON.stringify(commitment.name)} needs that function again`,
    );
  }
}

/** Throws unless a key was given where randomness is needed. */
export function checkKey(where: string, key: unknown, sampled: boolean, replaces: boolean): void {
  if (key !== undefined || !(sampled || replaces)) return;
  const option = sampled ? "stochasticSampleCodes" : "thresholdEmaDeadCode";
  throw new VectorQuantizeError(
    `${where}: expected options.key, got none; ${option} draws at random`,
  );
}

/** The options as plain JSON: a user's function by its name. */
export function savedOptions(given: VectorQuantizeOptions): Record<string, unknown> {
  const { commitment, ...rest } = given;
  if (commitment === undefined) return rest;
  const saved = typeof commitment === "object" ? { name: commitment.name } : commitment;
  return { ...rest, commitment: saved };
}
