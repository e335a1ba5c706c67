import type { QuantizerConfig } from "vector-quantize";
import { Failure } from "../failure.ts";
import type { Medium } from "../input/folders.ts";

/** What makes a run: saved with it, and kept when it is resumed. */
export interface Settings extends ArchitectureSettings, TrainingSettings {
  /** Folder, file or word that the user named. */
  readonly data: string;
  /** What it holds; pictures where nothing is said. */
  readonly medium?: Medium;
  readonly quantizer: QuantizerConfig;
}

/** The network around the quantizer. */
export interface ArchitectureSettings {
  readonly patch: number;
  readonly width: number;
  readonly depth: number;
  readonly strides: readonly number[];
  readonly causal: boolean;
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
  readonly sampleRate: number;
  readonly segment: number;
  readonly waveform: number;
  readonly mel: number;
  readonly stft: number;
  readonly skipUnreadable: boolean;
}

/** What a setting may be, what it is if nobody says, and what it means. */
export interface SettingDeclaration {
  readonly flags: string;
  readonly text: string;
  readonly fallback: SettingValue;
  /** What it is for sounds, if that is something else. */
  readonly ofSounds?: SettingValue;
  /** The one medium that it says something of. */
  readonly only?: Medium;
  /** What was expected, if `value` is not that. */
  expects(value: unknown): string | undefined;
}

export type SettingValue = number | boolean | readonly number[];

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

const list = (flags: string, text: string, fallback: readonly number[], min: number) => ({
  ...{ flags, text, fallback },
  expects: (value: unknown) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each) => Number.isSafeInteger(each) && each >= min)
      ? undefined
      : `a list of integers of at least ${min}`,
});

/** Settings of pictures, and of sounds, alone. */
const ofPictures = <Declaration>(of: Declaration) => ({ ...of, only: "pictures" as const });
const ofSounds = <Declaration>(of: Declaration) => ({ ...of, only: "sounds" as const });

/** The settings of each section of a configuration file. */
export const declarations: {
  readonly architecture: Declarations<ArchitectureSettings>;
  readonly training: Declarations<TrainingSettings>;
} = {
  architecture: {
    patch: ofPictures(whole("--patch <n>", "pixels per code, along each side", 2, 1)),
    width: {
      ...whole(
        "--width <n>",
        "feature size of encoder and decoder; of sounds at their rate",
        32,
        1,
      ),
      ofSounds: 16,
    },
    depth: ofPictures(whole("--depth <n>", "residual blocks in encoder and in decoder", 1, 0)),
    strides: ofSounds(
      list("--strides <list>", "of sounds: samples per code, stage by stage", [4, 4, 5], 2),
    ),
    causal: ofSounds(
      flag("--no-causal", "of sounds: let codes depend on what comes later; no streaming", true),
    ),
  },
  training: {
    steps: whole("--steps <n>", "training steps", 3000, 1),
    batch: { ...whole("--batch <n>", "images or segments per step", 32, 1), ofSounds: 4 },
    learningRate: {
      ...real("--learning-rate <x>", "highest learning rate", 4e-3, 0),
      ofSounds: 1e-3,
    },
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
    validation: real("--validation <x>", "share of the files held back", 0.05, 0, 0.9),
    seed: whole("--seed <n>", "seed of weights, crops and data order", 0, 0),
    crop: ofPictures(
      whole(
        "--crop <n>",
        "train on random squares of n x n pixels; 0: of files 64 x 64, or as large as most allow",
        0,
        0,
      ),
    ),
    flip: ofPictures(flag("--no-flip", "do not turn crops of files left to right at random", true)),
    size: ofPictures(
      whole(
        "--size <n>",
        'crop and resize image files to n x n pixels; 0: as they are. Of "shapes": their size, 0 for 32',
        0,
        0,
      ),
    ),
    images: ofPictures(whole("--images <n>", 'images of the built-in set "shapes"', 8192, 1)),
    sampleRate: ofSounds(
      whole("--sample-rate <n>", "of sounds: samples a second; 0: as most files have", 0, 0),
    ),
    segment: ofSounds(
      real(
        "--segment <seconds>",
        "of sounds: train on random pieces of this length; 0: half a second, or as most allow",
        0,
        0,
        60,
      ),
    ),
    waveform: ofSounds(
      real("--waveform <x>", "of sounds: weight of the error of the samples", 20, 0),
    ),
    mel: ofSounds(real("--mel <x>", "of sounds: weight of the distance of log-mel spectra", 1, 0)),
    stft: ofSounds(real("--stft <x>", "of sounds: weight of the distance of spectra", 1, 0)),
    skipUnreadable: flag("--skip-unreadable", "leave out files that can't be decoded", false),
  },
};

/** Every setting with its declaration. */
export const allDeclarations: readonly (readonly [name: string, SettingDeclaration])[] =
  Object.values(declarations).flatMap((section) => Object.entries(section));

/** The settings that say something of a medium. */
export const declarationsOf = (medium: Medium) =>
  allDeclarations.filter(([, { only = medium }]) => only === medium);

/** What the settings of a medium are unless the user chooses others. Those of another are not there. */
export const defaultsOf = (medium: Medium) =>
  Object.fromEntries(
    declarationsOf(medium).map(([name, { fallback, ofSounds = fallback }]) => [
      name,
      medium === "sounds" ? ofSounds : fallback,
    ]),
  ) as unknown as ArchitectureSettings & TrainingSettings;

/** What the settings of pictures are unless the user chooses others. */
export const defaultSettings = defaultsOf("pictures");

/** Fewer samples a second are no sound. */
const leastRate = 1000;

/** May differ when a run is resumed: where the data lie, how long to train, when to look. */
const changeable = ["data", "steps", "evalEvery", "patience"] as const;

/** Throws for settings that do not go together. */
export function checkSettings(settings: Settings): void {
  const { ema, evalEvery, patience, validation, medium, sampleRate } = settings;
  if (ema >= 1) throw new Failure(`--ema: expected less than 1, got ${ema}`);
  if (patience > 0 && evalEvery === 0) {
    throw new Failure(`--patience ${patience}: expected --eval-every beside it, got none`);
  }
  if (evalEvery > 0 && validation === 0) {
    throw new Failure(
      `--eval-every ${evalEvery}: expected --validation above 0, for images to judge by, got 0`,
    );
  }
  if (medium !== "sounds") return;
  if (sampleRate !== 0 && sampleRate < leastRate) {
    throw new Failure(
      `--sample-rate: expected 0 or at least ${leastRate} samples a second, got ${sampleRate}`,
    );
  }
  if (settings.waveform + settings.mel + settings.stft === 0) {
    throw new Failure("--waveform, --mel, --stft: expected one of them above 0, got none");
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
