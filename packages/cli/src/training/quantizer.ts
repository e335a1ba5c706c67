import { type Quantizer, type QuantizerConfig, quantizerFromConfig } from "vector-quantize";
import { describeQuantizer, type QuantizerDescription } from "vector-quantize/options";
import { UsageFailure } from "../failure.ts";
import type { Medium } from "../input/folders.ts";
import { flagOf } from "../output/words.ts";

/** The quantizer of a run that names none. */
export const defaultType = "vectorQuantize";

/** What the trainer's models were tuned with, for the quantizers whose codes follow their vectors. */
const following = {
  decay: 0.9,
  commitmentWeight: 0.25,
  // A code that gets less than a tenth of an even share is replaced by a vector of the batch.
  thresholdEmaDeadCode: { share: 0.1 },
};

/** The gradient under which pictures got better for longer: docs/choose-a-quantizer.md has the numbers. */
const passing = { gradient: "straightThrough" };

/** Sizes of what must be given a size. */
const sizes = {
  pictures: { dim: 8, codebookSize: 512 },
  sounds: { dim: 64, codebookSize: 256, numQuantizers: 8 },
};
/** For sounds, of which a step has fewer vectors. */
const followingSlowly = { ...following, decay: 0.95 };

/** Options that the architecture decides. */
const decided: Readonly<Record<string, string>> = {
  layout: "the architecture has the features where the quantizer wants them",
};

/** The options that a run's quantizer has unless told otherwise, where the table says another or none. */
export function presetsOf(
  { options }: QuantizerDescription,
  medium: Medium = "pictures",
): Readonly<Record<string, unknown>> {
  const has = (name: string) => options.some((own) => own.name === name);
  const needs = (name: string) =>
    options.some((own) => own.name === name && (own.required || name === "numQuantizers"));
  return {
    ...Object.fromEntries(Object.entries(sizes[medium]).filter(([name]) => needs(name))),
    ...(has("thresholdEmaDeadCode") && (medium === "sounds" ? followingSlowly : following)),
    ...(has("gradient") ? passing : {}),
  };
}

/**
 * The configuration of a run's quantizer: what was given, and what a run has unless told otherwise.
 *
 * @param given its options
 * @param learns whether gradients train the codebook
 */
export function quantizerConfig(
  type: string,
  given: Readonly<Record<string, unknown>>,
  learns: boolean,
  medium: Medium = "pictures",
): QuantizerConfig {
  const description = describeQuantizer(type);
  const learnable = description.options.some(({ name }) => name === "learnableCodebook");
  const presets: Record<string, unknown> = {
    ...presetsOf(description, medium),
    ...(learns && learnable ? { learnableCodebook: true } : {}),
  };
  // Directional gradients have a default of their own.
  if (given.gradient === "directional") delete presets.commitmentWeight;
  for (const [name, why] of Object.entries(decided)) {
    if (name in given) throw new UsageFailure(`--${name}: expected none, ${why}`);
  }
  return { type, ...presets, ...given };
}

/** The quantizer of a configuration. Errors name the flags of its options. */
export function makeQuantizer(config: QuantizerConfig): Quantizer {
  try {
    return quantizerFromConfig(config);
  } catch (error) {
    const { name, message } = error as Error;
    if (name !== "VectorQuantizeError") throw error;
    const names = describeQuantizer(config.type).options.map((option) => option.name);
    const [whole, option] =
      new RegExp(`^${config.type}: (${names.join("|")})\\b`).exec(message) ?? [];
    if (whole === undefined || option === undefined) {
      throw new UsageFailure(`--quantizer ${message}`);
    }
    const text = message.slice(whole.length).replace(/, got undefined$/, ", got none");
    throw new UsageFailure(`--${flagOf(option)}${text}`);
  }
}
