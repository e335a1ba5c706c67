import type { QuantizerConfig } from "vector-quantize";
import { Failure } from "../failure.ts";

/** What makes a run: saved with it, and kept when it is resumed. */
export interface Settings extends ArchitectureSettings, TrainingSettings {
  /** Folder, file or word that the user named. */
  readonly data: string;
  readonly quantizer: QuantizerConfig;
}

/** The network around the quantizer. */
export interface ArchitectureSettings {
  readonly patch: number;
  readonly width: number;
  readonly depth: number;
}

/** How it is trained, and on which part of the pictures. */
export interface TrainingSettings {
  readonly steps: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly codebookLearningRate: number;
  readonly clip: number;
  readonly accumulate: number;
  readonly ema: number;
  readonly evalEvery: number;
  readonly patience: number;
  readonly fitVectors: number;
  readonly validation: number;
  readonly seed: number;
  readonly crop: number;
  readonly flip: boolean;
  readonly size: number;
  readonly images: number;
  readonly skipUnreadable: boolean;
}

/** What a setting may be, what it is if nobody says, and what it means. */
export interface SettingDeclaration {
  readonly flags: string;
  readonly text: string;
  readonly fallback: number | boolean;
  /** What was expected, if `value` is not that. */
  expects(value: unknown): string | undefined;
}

type Declarations<Part> = { readonly [Name in keyof Part]: SettingDeclaration };

const whole = (flags: string, text: string, fallback: number, min: number) => ({
  ...{ flags, text, fallback },
  expects: (value: unknown) =>
    Number.isSafeInteger(value) && (value as number) >= min
      ? undefined
      : `an integer of at least ${min}`,
});

const real = (flags: string, text: string, fallback: number, min: number, max = Infinity) => ({
  ...{ flags, text, fallback },
  expects: (value: unknown) =>
    typeof value === "number" && Number.isFinite(value) && value >= min && value <= max
      ? undefined
      : `a number ${max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`}`,
});

const flag = (flags: string, text: string, fallback: boolean) => ({
  ...{ flags, text, fallback },
  expects: (value: unknown) => (typeof value === "boolean" ? undefined : "true or false"),
});

/** The settings of each section of a configuration file. */
export const declarations: {
  readonly architecture: Declarations<ArchitectureSettings>;
  readonly training: Declarations<TrainingSettings>;
} = {
  architecture: {
    patch: whole("--patch <n>", "pixels per code, along each side", 2, 1),
    width: whole("--width <n>", "feature size of encoder and decoder", 32, 1),
    depth: whole("--depth <n>", "residual blocks in encoder and in decoder", 1, 0),
  },
  training: {
    steps: whole("--steps <n>", "training steps", 3000, 1),
    batch: whole("--batch <n>", "images per step", 32, 1),
    learningRate: real("--learning-rate <x>", "highest learning rate", 4e-3, 0),
    codebookLearningRate: real(
      "--codebook-learning-rate <x>",
      "train the codebook by gradients at this rate, in place of moving averages",
      0,
      0,
    ),
    clip: real("--clip <norm>", "largest norm of the gradients; 0 for any", 1, 0),
    accumulate: whole("--accumulate <n>", "batches to an update", 1, 1),
    ema: real(
      "--ema <decay>",
      "evaluate and save a moving average of the parameters, such as 0.999",
      0,
      0,
      1,
    ),
    evalEvery: whole(
      "--eval-every <n>",
      "evaluate every n steps, and keep the best model apart",
      0,
      0,
    ),
    patience: whole(
      "--patience <n>",
      "stop after n evaluations without a better one; 0 never does",
      0,
      0,
    ),
    fitVectors: whole(
      "--fit-vectors <n>",
      "vectors that the first codes are made of by k-means; 0 for random codes",
      65536,
      0,
    ),
    validation: real("--validation <x>", "share of the images held back", 0.05, 0, 0.9),
    seed: whole("--seed <n>", "seed of weights, crops and data order", 0, 0),
    crop: whole(
      "--crop <n>",
      "train on random squares of n x n pixels; 0: of files 64 x 64, or as large as most allow",
      0,
      0,
    ),
    flip: flag("--no-flip", "do not turn crops of files left to right at random", true),
    size: whole(
      "--size <n>",
      'crop and resize image files to n x n pixels; 0: as they are. Of "shapes": their size, 0 for 32',
      0,
      0,
    ),
    images: whole("--images <n>", 'images of the built-in set "shapes"', 8192, 1),
    skipUnreadable: flag("--skip-unreadable", "leave out files that can't be decoded", false),
  },
};

/** Every setting with its declaration. */
export const allDeclarations: readonly (readonly [name: string, SettingDeclaration])[] =
  Object.values(declarations).flatMap((section) => Object.entries(section));

/** What the settings are unless the user chooses others. */
export const defaultSettings = Object.fromEntries(
  allDeclarations.map(([name, { fallback }]) => [name, fallback]),
) as unknown as ArchitectureSettings & TrainingSettings;

/** May differ when a run is resumed: where the data lie, how long to train, when to look. */
const changeable = ["data", "steps", "evalEvery", "patience"] as const;

/** Throws for settings that do not go together. */
export function checkSettings({ ema, evalEvery, patience, validation }: Settings): void {
  if (ema >= 1) throw new Failure(`--ema: expected less than 1, got ${ema}`);
  if (patience > 0 && evalEvery === 0) {
    throw new Failure(`--patience ${patience}: expected --eval-every beside it, got none`);
  }
  if (evalEvery > 0 && validation === 0) {
    throw new Failure(
      `--eval-every ${evalEvery}: expected --validation above 0, for images to judge by, got 0`,
    );
  }
}

/**
 * The settings of a resumed run: the saved ones, with the changes that leave it the same run.
 *
 * @param given names of the settings, and of options of the quantizer, that the user gave.
 */
export function resumedSettings(
  saved: Settings,
  wanted: Settings,
  given: ReadonlySet<string>,
): Settings {
  const before: Record<string, unknown> = { ...saved.quantizer, ...saved };
  const now: Record<string, unknown> = { ...wanted.quantizer, ...wanted };
  for (const name of given) {
    if ((changeable as readonly string[]).includes(name)) continue;
    const [was, is] = [before[name], now[name]].map((value) => JSON.stringify(value));
    if (was !== is) {
      throw new Failure(
        `--resume: expected ${name === "type" ? "quantizer" : name} ${was ?? "as by default"}, as the run began with, got ${is}`,
      );
    }
  }
  const changes = changeable
    .filter((name) => name === "data" || given.has(name))
    .map((name) => [name, wanted[name]] as const);
  return { ...saved, ...Object.fromEntries(changes) };
}
