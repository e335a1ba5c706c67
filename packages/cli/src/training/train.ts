import { type Images, trainValidationSplit } from "vector-quantize/data";
import { Failure } from "../failure.ts";
import { checkSides, loadImages } from "../input/images.ts";
import type { Console } from "../output/console.ts";
import { createFolder } from "../output/files.ts";
import { lockFolder } from "../output/lock.ts";
import type { PictureSize } from "../output/pictures.ts";
import { grouped } from "../output/words.ts";
import { finishRun, type RunResult } from "./finish.ts";
import { judgedImages } from "./judged.ts";
import { buildModel } from "./model.ts";
import { stepsWithin } from "./pace.ts";
import { markRun, openRun, type Run, startRun } from "./run.ts";
import { checkpointStamp, checkUnused, removeResults, runFolder } from "./runFolder.ts";
import { checkSettings, type Settings } from "./settings.ts";
import { takeSteps } from "./takeSteps.ts";

export interface TrainOptions {
  readonly settings: Settings;
  /** Names of the settings that stood on the command line. */
  readonly given: ReadonlySet<string>;
  readonly out: string;
  /** Seconds that training may take: the number of steps is chosen accordingly. */
  readonly time?: number;
  readonly resume: boolean;
  readonly overwrite: boolean;
  /** Whether to measure where the time of a step goes. */
  readonly profile: boolean;
  /** What computes, in words. */
  readonly machine: string;
}

/** Trains a model and fills the folder of the run. Throws `Interrupted` after Ctrl-C. */
export async function train(options: TrainOptions, console: Console): Promise<RunResult> {
  const folder = runFolder(options.out);
  const stamp = await checkpointStamp(folder);
  if (!options.resume && !options.overwrite) await checkUnused(folder);
  const saved = options.resume ? await openRun(folder, options.settings, options.given) : undefined;
  const wanted = saved?.settings ?? options.settings;
  checkSettings(wanted);
  const images = await loadImages(wanted.data, {
    size: wanted.size,
    channels: saved?.images.channels === 1 ? 1 : 3,
    shapes: { count: wanted.images, seed: wanted.seed },
  });
  if (saved) checkSameSize(wanted.data, saved.images, images);
  checkSides(wanted.data, images, wanted.patch);
  const { train: items, validation } = trainValidationSplit(
    images.count,
    wanted.validation,
    wanted.seed,
  );
  if (!saved) buildModel(wanted, images.channels); // throws for options that don't go together
  // Nothing is wrong with what was asked for: from here on the folder changes.
  await createFolder(folder.path);
  using lock = await lockFolder(folder.path);
  if ((await checkpointStamp(folder)) !== stamp) {
    throw new Failure(
      `${folder.training}: expected the checkpoint that this command found, got another process's. Try again`,
    );
  }
  const resumed = saved && saved.step > 0 ? saved : undefined;
  if (!resumed) {
    await markRun(folder, wanted, images);
    await removeResults(folder);
  }
  console.note(
    `${wanted.data}: ${grouped(images.count)} images of ${images.width} x ${images.height}, ` +
      `${images.channels === 1 ? "grey" : "colour"}; ${grouped(validation.length)} held back for validation`,
  );
  const begun = resumed ? resumed.restore() : await startRun(wanted, images, items);
  const run = await withinTime(begun, options, images, items, console);
  const judged = judgedImages(images, items, validation);
  const { time, profile } = options;
  const taken = await takeSteps(
    { run, folder, lock, images, items, judged, time, profile },
    console,
  );
  const held = validation.length > 0;
  return await finishRun({ ...taken, folder, judged, held, machine: options.machine }, console);
}

function checkSameSize(data: string, saved: PictureSize, images: Images): void {
  const [before, now] = [saved, images].map(({ height, width, channels }) =>
    [height, width, channels].join(" x "),
  );
  if (before !== now) {
    throw new Failure(`${data}: expected images of ${before}, as the run began with, got ${now}`);
  }
}

/** The run with its number of steps cut to the time that it may take. */
async function withinTime(
  run: Run,
  { time, given }: TrainOptions,
  images: Images,
  items: Uint32Array,
  console: Console,
): Promise<Run> {
  if (time === undefined || run.step >= run.settings.steps) return run;
  console.note("Measuring how long a step takes.");
  const fitting = run.step + (await stepsWithin(time, run, images, items));
  const steps = given.has("steps") ? Math.min(fitting, run.settings.steps) : fitting;
  const settings: Settings = { ...run.settings, steps };
  return { ...run, settings };
}
