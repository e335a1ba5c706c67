import { rm } from "node:fs/promises";
import {
  createPhaseTimer,
  type Images,
  shuffledBatches,
  trainLoop,
  trainValidationSplit,
} from "vector-quantize";
import { Failure, Interrupted } from "../failure.ts";
import { checkSides, loadImages } from "../input/images.ts";
import type { Console } from "../output/console.ts";
import { createFolder } from "../output/files.ts";
import type { PictureSize } from "../output/pictures.ts";
import { clock, grouped } from "../output/words.ts";
import { batchMaker } from "./batch.ts";
import { finishRun, type RunResult } from "./finish.ts";
import { watchForInterrupt } from "./interrupt.ts";
import { judgedImages } from "./judged.ts";
import { createMeter } from "./meter.ts";
import { stepsWithin } from "./pace.ts";
import { type StepProfile, stepProfile } from "./profile.ts";
import { createProgress } from "./progress.ts";
import { openRun, type Run, saveRun, startRun, trainerOf } from "./run.ts";
import { checkUnused, type RunFolder, runFolder } from "./runFolder.ts";
import { checkSettings, type Settings } from "./settings.ts";
import { createValidation } from "./validation.ts";

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

/** Training that turns out this much slower than measured is cut short. */
const timeTolerance = 1.25;
/** Seconds between checkpoints. */
const checkpointPause = 60;
/** Lines of metrics that a run writes, about. */
const metricLines = 250;
/** First steps of a session, which compile: the profile leaves them out. */
const compilingSteps = 3;

/** Trains a model and fills the folder of the run. Throws `Interrupted` after Ctrl-C. */
export async function train(options: TrainOptions, console: Console): Promise<RunResult> {
  const folder = runFolder(options.out);
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
  console.note(
    `${wanted.data}: ${grouped(images.count)} images of ${images.width} x ${images.height}, ` +
      `${images.channels === 1 ? "grey" : "colour"}; ${grouped(validation.length)} held back for validation`,
  );
  const begun = saved ? await saved.restore() : await startRun(wanted, images, items);
  const run = await withinTime(begun, options, images, items, console);
  await createFolder(folder.path);
  if (!saved) await rm(folder.best, { force: true }); // of a run that is overwritten
  const judged = judgedImages(images, items, validation);
  const { time, profile } = options;
  const taken = await takeSteps({ ...run, folder, images, items, judged, time, profile }, console);
  const held = validation.length > 0;
  return finishRun({ ...taken, folder, judged, held, machine: options.machine }, console);
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
  if (time === undefined) return run;
  console.note("Measuring how long a step takes.");
  const fitting = run.step + (await stepsWithin(time, run, images, items));
  const steps = given.has("steps") ? Math.min(fitting, run.settings.steps) : fitting;
  const settings: Settings = { ...run.settings, steps };
  return { ...run, settings };
}

interface Steps extends Run {
  readonly folder: RunFolder;
  readonly images: Images;
  /** The images to train on. */
  readonly items: Uint32Array;
  readonly time: number | undefined;
  /** The images that it is judged by. */
  readonly judged: Images;
  readonly profile: boolean;
}

/** What the steps of a session came to. */
interface Taken {
  readonly run: Run;
  readonly profile?: StepProfile;
  /** Whether the run ended because it got no better. */
  readonly stoppedEarly: boolean;
}

/** Trains to the end, until it gets no better, or until Ctrl-C; then all is saved. */
async function takeSteps(
  { folder, images, items, judged, time = Number.POSITIVE_INFINITY, profile, ...run }: Steps,
  console: Console,
): Promise<Taken> {
  const { settings, model } = run;
  const deadline = run.seconds + time * timeTolerance;
  const history = [...run.history];
  const { codebookSizes } = model.quantizer;
  const progress = createProgress(
    console,
    codebookSizes.reduce((sum, size) => sum + size, 0),
  );
  const meter = createMeter(codebookSizes, settings.batch, run.seconds);
  const every = Math.max(1, Math.round(settings.steps / metricLines));
  const began = performance.now();
  const elapsed = () => run.seconds + (performance.now() - began) / 1000;
  let savedAt = performance.now();
  const trainer = trainerOf(model, settings);
  const validation = createValidation({
    ...{ settings, model, trainer, judged, folder },
    before: run.validation,
  });
  const timer = profile ? createPhaseTimer() : undefined;
  using interrupt = watchForInterrupt(() => {
    progress.stop();
    console.note("Stopping after this step. Once more to quit at once.");
  });

  function writeLine(): void {
    if (meter.steps === 0) return;
    const line = meter.line(elapsed());
    history.push(line);
    console.record("step", { ...line });
    if (!interrupt.requested) progress.update(line, settings.steps);
  }

  const taken = await trainLoop(run.state, {
    trainer,
    batch: batchMaker(images, shuffledBatches(items, settings.batch, settings.seed)),
    from: run.step,
    to: settings.steps,
    onReport(report) {
      meter.add(report);
      if (report.step % every === 0) writeLine();
    },
    timer,
    shouldStop: () => interrupt.requested || validation.stop || elapsed() > deadline,
    async afterStep(state, step) {
      if (step === run.step + compilingSteps) timer?.reset();
      const judgement = await validation.afterStep(state, step);
      if (judgement) console.record("validation", { ...judgement });
      if (performance.now() - savedAt < checkpointPause * 1000) return;
      const now = { state, step, seconds: elapsed(), history, validation: validation.state };
      await saveRun(folder, { ...run, ...now }, images);
      savedAt = performance.now();
    },
  }).finally(() => {
    writeLine();
    progress.stop();
  });
  const { state, step } = taken;
  const now = { state, step, seconds: elapsed(), history, validation: validation.state };
  const trained = { ...run, ...now };
  await saveRun(folder, trained, images);
  if (interrupt.requested && step < settings.steps) {
    console.note(
      `Stopped at step ${grouped(step)} of ${grouped(settings.steps)} after ${clock(trained.seconds)}; ` +
        `saved in ${folder.training}. Go on with the same command and --resume.`,
    );
    console.record("interrupted", { step, steps: settings.steps, checkpoint: folder.training });
    throw new Interrupted();
  }
  if (validation.stop) {
    console.note(
      `Stopped at step ${grouped(step)}: no better for ${settings.patience} evaluations.`,
    );
  }
  const timed = step - run.step - (step - run.step >= compilingSteps ? compilingSteps : 0);
  return {
    run: trained,
    stoppedEarly: validation.stop,
    ...(timer && timed > 0 && { profile: stepProfile(timer.profile, timed) }),
  };
}
