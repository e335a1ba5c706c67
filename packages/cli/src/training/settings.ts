import { Failure } from "../failure.ts";

/** What makes a run: saved with it, and kept when it is resumed. */
export interface Settings {
  /** Folder, file or word that the user named. */
  readonly data: string;
  /** Size of image files and of the built-in set. */
  readonly size: number;
  /** Images of the built-in set. */
  readonly images: number;
  /** Share of the images that is held back. */
  readonly validation: number;
  readonly seed: number;
  readonly steps: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly codes: number;
  readonly codeDim: number;
  readonly width: number;
  readonly depth: number;
  readonly patch: number;
  readonly decay: number;
  readonly commitment: number;
  /** Learning rate of the codebook where gradients train it; 0 for moving averages. */
  readonly codebookLearningRate: number;
  /** Largest norm of the gradients; 0 for any. */
  readonly clip: number;
  /** Batches to an update. */
  readonly accumulate: number;
  /** Decay of the parameters' moving average; 0 for none. */
  readonly ema: number;
  /** Steps from one evaluation to the next; 0 for one at the end alone. */
  readonly evalEvery: number;
  /** Evaluations without a better one after which the run ends; 0 for any number. */
  readonly patience: number;
}

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
 * @param given names of the options that stood on the command line.
 */
export function resumedSettings(
  saved: Settings,
  wanted: Settings,
  given: ReadonlySet<string>,
): Settings {
  for (const name of given) {
    if (!(name in saved) || (changeable as readonly string[]).includes(name)) continue;
    const [before, now] = [saved[name as keyof Settings], wanted[name as keyof Settings]];
    if (before !== now) {
      throw new Failure(`--resume: expected ${name} ${before}, as the run began with, got ${now}`);
    }
  }
  const changes = changeable
    .filter((name) => name === "data" || given.has(name))
    .map((name) => [name, wanted[name]] as const);
  return { ...saved, ...Object.fromEntries(changes) };
}
