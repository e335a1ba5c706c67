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
}

/** May differ when a run is resumed: where the data lie, and how long to train. */
const changeable: readonly string[] = ["data", "steps"];

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
    if (!(name in saved) || changeable.includes(name)) continue;
    const [before, now] = [saved[name as keyof Settings], wanted[name as keyof Settings]];
    if (before !== now) {
      throw new Failure(`--resume: expected ${name} ${before}, as the run began with, got ${now}`);
    }
  }
  const steps = given.has("steps") ? wanted.steps : saved.steps;
  return { ...saved, data: wanted.data, steps };
}
