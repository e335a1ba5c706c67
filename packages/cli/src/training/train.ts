import { trainValidationSplit } from "vector-quantize/data";
import type { ProcessGroup } from "vector-quantize/train";
import { Failure } from "../failure.ts";
import type { Console } from "../output/console.ts";
import { createFolder, writeFileSafely } from "../output/files.ts";
import { lockFolder } from "../output/lock.ts";
import { grouped } from "../output/words.ts";
import { checkSame, onFirst } from "../processes.ts";
import { configText } from "./configFile.ts";
import type { TrainingData } from "./data.ts";
import { finishRun } from "./finish.ts";
import { buildModel } from "./model.ts";
import { stepsWithin } from "./pace.ts";
import type { RunResult } from "./result.ts";
import { markRun, openRun, type Run, startRun } from "./run.ts";
import { checkpointStamp, checkUnused, removeResults, runFolder } from "./runFolder.ts";
import { checkSettings, type Settings } from "./settings.ts";
import { openSubject } from "./subject.ts";
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
  if (!saved) buildModel(asked); // throws for options that don't go together
  if (asked.batch < group.size) {
    throw new Failure(
      `--batch ${asked.batch}: expected at least ${group.size}, one ${asked.medium === "sounds" ? "piece" : "image"} for each process`,
    );
  }
  const { data, settings: wanted, words, judge: judgeBy } = await openSubject(asked, console);
  if (saved) checkSameSize(wanted.data, saved.size, data.size);
  const { train: items, validation } = trainValidationSplit(
    data.count,
    wanted.validation,
    wanted.seed,
  );
  const judge = await judgeBy(items, validation);
  // Nothing is wrong with what was asked for: from here on the folder changes.
  const { data: _, ...chosen } = wanted; // folders may have other names on other machines
  const known = {
    ...chosen,
    size: data.size,
    count: data.count,
    step: saved?.step,
    time: options.time,
  };
  await checkSame(group, "settings, number of items and checkpoint", JSON.stringify(known));
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
  console.note(`${wanted.data}: ${words}; ${grouped(validation.length)} held back for validation`);
  const begun = resumed ? resumed.restore() : await startRun(wanted, data, items);
  const run = await withinTime(begun, options, data, items, console);
  if (first) await writeFileSafely(folder.config, configText(run.settings), false);
  const { time, profile } = options;
  const taken = await takeSteps(
    { run, folder, lock, group, data, items, judge, time, profile },
    console,
  );
  return onFirst(group, () =>
    finishRun({ ...taken, folder, judge, machine: options.machine }, console),
  );
}

/** Throws unless a resumed run finds what it began with. */
function checkSameSize(data: string, saved: Size, now: Size): void {
  const [before, found] = [saved, now].map(sizeInWords);
  if (before === found) return;
  throw new Failure(`${data}: expected ${before}, as the run began with, got ${found}`);
}

type Size = TrainingData["size"];

const sizeInWords = (size: Size) =>
  "samples" in size
    ? `sounds of ${size.sampleRate} Hz in pieces of ${size.samples}`
    : `images of ${size.height} x ${size.width} x ${size.channels}`;

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
