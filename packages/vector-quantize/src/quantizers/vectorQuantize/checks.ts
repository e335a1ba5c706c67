import {
  checkChoice,
  checkInteger,
  checkKnownOptions,
  checkNumber,
  expected,
  VectorQuantizeError,
} from "../../errors.ts";
import { checkLayout } from "../../layout/layout.ts";
import { commitments } from "../../losses/commitment.ts";
import type { Drawing } from "./apply.ts";
import {
  type CompleteOptions,
  gradients,
  maskedOutputs,
  type VectorQuantizeOptions,
  withDefaults,
} from "./options.ts";

type Check = (where: string, value: unknown) => void;

const integer: Check = (where, value) => checkInteger(where, value);
const atLeastZero: Check = (where, value) => checkNumber(where, value, 0);
const share: Check = (where, value) => checkNumber(where, value, 0, 1);
const flag: Check = (where, value) => {
  if (typeof value !== "boolean") throw expected(where, "true or false", value);
};
const choice =
  (choices: readonly string[]): Check =>
  (where, value) =>
    checkChoice(where, value, choices);
/** An object of the user's own with a name and these functions. */
const named =
  (...functions: string[]): Check =>
  (where, value) => {
    const given = (typeof value === "object" ? value : null) as Record<string, unknown> | null;
    if (typeof given?.name !== "string" || given.name === "") {
      throw expected(where, "an object with a name to save it by", value);
    }
    for (const name of functions) {
      if (given[name] === undefined || given[name] === null) {
        throw expected(
          `${where}.${name}`,
          "a function or object of yours",
          given[name],
          `Loading a model with ${JSON.stringify(given.name)} needs it again`,
        );
      }
    }
  };

const threshold: Check = (where, value) => {
  if (typeof value !== "object" || value === null) return checkNumber(where, value, 0);
  checkKnownOptions(where, value, ["share"]);
  share(`${where}.share`, (value as { share?: unknown }).share);
};

const commitment: Check = (where, value) => {
  if (typeof value === "object") named("loss")(where, value);
  else checkChoice(where, value, commitments);
};

const checks: Record<keyof VectorQuantizeOptions, Check> = {
  dim: integer,
  codebookSize: integer,
  codebookDim: integer,
  heads: integer,
  separateCodebookPerHead: flag,
  metric: choice(["euclidean", "cosine"]),
  layout: checkLayout,
  layernormAfterProjectIn: flag,
  decay: share,
  eps: atLeastZero,
  emaUpdate: flag,
  manualEmaUpdate: flag,
  emaUpdateWeight: named("weight"),
  thresholdEmaDeadCode: threshold,
  freezeCodebook: flag,
  kmeansIters: integer,
  learnableCodebook: flag,
  inPlaceCodebookOptimizer: named("optimizer"),
  manualInPlaceOptimizerUpdate: flag,
  affineParam: flag,
  affineParamBatchDecay: share,
  affineParamCodebookDecay: share,
  vqBridge: named("init", "apply"),
  commitmentWeight: atLeastZero,
  commitment,
  orthogonalRegWeight: atLeastZero,
  orthogonalRegActiveCodesOnly: flag,
  orthogonalRegMaxCodes: integer,
  codebookDiversityLossWeight: atLeastZero,
  codebookDiversityTemperature: atLeastZero,
  gradient: choice(gradients),
  directionalReparamVariance: atLeastZero,
  syncUpdateV: share,
  stochasticSampleCodes: flag,
  sampleCodebookTemp: atLeastZero,
  maskedOutput: choice(maskedOutputs),
};

/** Checks the options, one by one and together, and fills in the defaults. */
export function completeOptions(given: VectorQuantizeOptions): CompleteOptions {
  const where = "vectorQuantize";
  checkKnownOptions(where, given, Object.keys(checks));
  const options = withDefaults(given);
  for (const [name, check] of Object.entries(checks)) {
    const value = options[name as keyof VectorQuantizeOptions];
    if (value !== undefined || name in given) check(`${where}: ${name}`, value);
  }
  checkTogether(where, options);
  return options;
}

/** Throws at options that exclude one another. */
function checkTogether(where: string, options: CompleteOptions): void {
  const { learnableCodebook, emaUpdate, metric, vqBridge, gradient } = options;
  const rules: [boolean, string][] = [
    [learnableCodebook && emaUpdate, "emaUpdate off with a learnable codebook, got both"],
    [
      learnableCodebook && metric === "cosine",
      "metric euclidean with a learnable codebook, got cosine",
    ],
    [!!vqBridge && !learnableCodebook, "learnableCodebook with vqBridge, got it off"],
    [options.affineParam && metric === "cosine", "metric euclidean with affineParam, got cosine"],
    [
      gradient === "gumbel" && learnableCodebook,
      "a codebook that is not learnable with gumbel gradients, got one",
    ],
    [
      gradient === "directional" && options.thresholdEmaDeadCode === 0,
      "thresholdEmaDeadCode above 0 with directional gradients, got 0",
    ],
    [
      options.syncUpdateV > 0 && !learnableCodebook,
      "learnableCodebook with syncUpdateV, got it off",
    ],
    [
      !!options.inPlaceCodebookOptimizer && !learnableCodebook,
      "learnableCodebook with inPlaceCodebookOptimizer, got it off",
    ],
    [
      !!options.inPlaceCodebookOptimizer && !!vqBridge,
      "inPlaceCodebookOptimizer or vqBridge, got both; train the codebook with the model's optimizer",
    ],
    [
      options.separateCodebookPerHead && options.heads === 1,
      "heads above 1 with separateCodebookPerHead, got 1",
    ],
  ];
  for (const [broken, text] of rules) {
    if (broken) throw new VectorQuantizeError(`${where}: expected ${text}`);
  }
}

/** Throws unless a key was given where something draws at random. */
export function checkKey(where: string, key: unknown, drawing: Drawing | undefined): void {
  if (key === undefined && drawing !== undefined) {
    const option = drawnBy[drawing];
    throw new VectorQuantizeError(
      `${where}: expected options.key, got none; ${option} draws at random`,
    );
  }
}

const drawnBy: Record<Drawing, string> = {
  sample: "stochasticSampleCodes",
  replace: "thresholdEmaDeadCode",
  noise: 'gradient "directional"',
  subset: "orthogonalRegMaxCodes",
};

/** Throws unless the call may give the `topk` nearest codes. */
export function checkTopk(where: string, topk: number, options: CompleteOptions): void {
  checkInteger(`${where}: topk`, topk);
  if (topk > options.codebookSize) {
    throw expected(`${where}: topk`, `at most codebookSize = ${options.codebookSize}`, topk);
  }
  if (options.commitment !== "squaredError") {
    throw expected(`${where}: commitment with topk`, '"squaredError"', options.commitment);
  }
}

/** Throws unless codes may be drawn, and gradients weighted, at that temperature. */
export function checkTemperature(
  where: string,
  temperature: unknown,
  { gradient }: CompleteOptions,
): void {
  checkNumber(`${where}: temperature`, temperature, 0);
  if (temperature === 0 && gradient === "gumbel") {
    throw expected(`${where}: temperature with gumbel gradients`, "a number above 0", temperature);
  }
}
