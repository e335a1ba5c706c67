import { trainValidationSplit } from "vector-quantize/data";
import type { ProcessGroup } from "vector-quantize/train";
import { Failure, UsageFailure } from "../failure.ts";
import { checkSides } from "../input/images.ts";
import type { Console } from "../output/console.ts";
import { createFolder, writeFileSafely } from "../output/files.ts";
import { lockFolder } from "../output/lock.ts";
import type { PictureSize } from "../output/pictures.ts";
import { grouped } from "../output/words.ts";
import { onFirst } from "../processes.ts";
import { configText } from "./configFile.ts";
import type { TrainingData } from "./data.ts";
import { finishRun } from "./finish.ts";
import { judgedImages } from "./judged.ts";
import { buildModel } from "./model.ts";
import { openData } from "./openData.ts";
import { stepsWithin } from "./pace.ts";
import type { RunResult } from "./result.ts";
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
  /** The processes that train together. */
  readonly group: ProcessGroup;
}

/**
 * Trains a model and fills the folder of the run: the first of several processes does, and it alone has a
 * result. Throws `Interrupted` after Ctrl-C.
 */
export async function train(
  options: TrainOptions,
  console: Console,
): Promise<RunResult | undefined> {
  const { group } = options;
  const first = group.rank === 0;
  const folder = runFolder(options.out);
  const stamp = await checkpointStamp(folder);
  if (first && !options.resume && !options.overwrite) await checkUnused(folder);
  const saved = options.resume ? await openRun(folder, options.settings, options.given) : undefined;
  const asked = saved?.settings ?? options.settings;
  checkSettings(asked);
  if (!saved) buildModel(asked, 3); // throws for options that don't go together
  if (asked.batch < group.size) {
    throw new Failure(
      `--batch ${asked.batch}: expected at least ${group.size}, one image for each process`,
    );
  }
  const data = await openData(asked, console);
  const wanted = { ...asked, crop: data.crop };
  if (saved) checkSameSize(wanted.data, saved.images, data.size);
  checkSides(wanted.data, data.size, wanted.patch);
  checkScales(wanted, data.size);
  const { train: items, validation } = trainValidationSplit(
    data.count,
    wanted.validation,
    wanted.seed,
  );
  const judged = await judgedImages(data, items, validation);
  if (judged.count === 0) {
    throw new Failure(`${wanted.data}: expected a readable image to judge by, got none`);
  }
  // Nothing is wrong with what was asked for: from here on the folder changes.
  await group.barrier();
  if (first) await createFolder(folder.path);
  using lock = first ? await lockFolder(folder.path) : undefined;
  if (first && (await checkpointStamp(folder)) !== stamp) {
    throw new Failure(
      `${folder.training}: expected the checkpoint that this command found, got another process's. Try again`,
    );
  }
  const resumed = saved && saved.step > 0 ? saved : undefined;
  if (first && !resumed) {
    await markRun(folder, wanted, data.size);
    await removeResults(folder);
  }
  console.note(
    `${wanted.data}: ${data.words}, ` +
      `${data.size.channels === 1 ? "grey" : "colour"}; ${grouped(validation.length)} held back for validation`,
  );
  const begun = resumed ? resumed.restore() : await startRun(wanted, data, items);
  const run = await withinTime(begun, options, data, items, console);
  if (first) await writeFileSafely(folder.config, configText(run.settings), false);
  const { time, profile } = options;
  const taken = await takeSteps(
    { run, folder, lock, group, data, items, judged, time, profile },
    console,
  );
  const held = validation.length > 0;
  const shown = held ? validation : items;
  const { machine } = options;
  return onFirst(group, () =>
    finishRun({ ...taken, folder, data, items, judged, shown, held, machine }, console),
  );
}

/** Throws unless the last map of a quantizer of several scales is the encoder's. */
function checkScales({ quantizer: { type, scales }, patch }: Settings, images: PictureSize): void {
  if (type !== "hierarchicalVQ") return;
  const { height, width } = images;
  const last = (scales as readonly number[]).at(-1);
  if (height === width && last === height / patch) return;
  throw new UsageFailure(
    `--scales: expected to end with ${width / patch}, the side of ${width} x ${height} images in ` +
      `patches of ${patch}, got ${last}${height === width ? "" : ". It takes squares alone"}`,
  );
}

function checkSameSize(data: string, saved: PictureSize, images: PictureSize): void {
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
  { time, given, group }: TrainOptions,
  data: TrainingData,
  items: Uint32Array,
  console: Console,
): Promise<Run> {
  if (time === undefined || run.step >= run.settings.steps) return run;
  console.note("Measuring how long a step takes.");
  const fitting = run.step + (await stepsWithin(time, run, data, items, group));
  const steps = given.has("steps") ? Math.min(fitting, run.settings.steps) : fitting;
  const settings: Settings = { ...run.settings, steps };
  return { ...run, settings };
}
