import { createPhaseTimer, type ProcessGroup, partOf, trainLoop } from "vector-quantize/train";
import { codeShape } from "../codec/codeShape.ts";
import { Interrupted } from "../failure.ts";
import type { Console } from "../output/console.ts";
import type { Lock } from "../output/lock.ts";
import { clock, grouped } from "../output/words.ts";
import { anyOf } from "../processes.ts";
import type { TrainingData } from "./data.ts";
import { watchForInterrupt } from "./interrupt.ts";
import type { Judge } from "./judge.ts";
import { createMeter } from "./meter.ts";
import { type StepProfile, stepProfile } from "./profile.ts";
import { createProgress } from "./progress.ts";
import { type Run, saveRun, trainerOf } from "./run.ts";
import { type RunFolder, writeMetrics } from "./runFolder.ts";
import { createValidation } from "./validation.ts";

export interface Steps {
  readonly run: Run;
  readonly folder: RunFolder;
  /** Of the process that writes. */
  readonly lock: Lock | undefined;
  /** The processes that take the steps together; the first one writes. */
  readonly group: ProcessGroup;
  readonly data: TrainingData;
  /** The images to train on. */
  readonly items: Uint32Array;
  readonly time: number | undefined;
  readonly judge: Judge;
  readonly profile: boolean;
}

/** What the steps of a session came to. */
export interface Taken {
  readonly run: Run;
  readonly profile?: StepProfile;
  /** Whether the run ended because it got no better. */
  readonly stoppedEarly: boolean;
}

/** Training that turns out this much slower than measured is cut short. */
const timeTolerance = 1.25;
/** Seconds between checkpoints; the first one follows the first step. */
const checkpointPause = 60;
/** Lines of metrics that a run writes, about. */
const metricLines = 250;
/** First steps of a session, which compile: the profile leaves them out. */
const compilingSteps = 3;

/** Trains to the end, until it gets no better, or until Ctrl-C; then all is saved. */
export async function takeSteps(
  { run, folder, lock, group, data, items, judge, time = Number.POSITIVE_INFINITY, profile }: Steps,
  console: Console,
): Promise<Taken> {
  const { settings, model } = run;
  const { batch } = settings;
  const deadline = run.seconds + time * timeTolerance;
  const history = [...run.history];
  let written = -1; // lines of them in the file; what lies there may be more than the checkpoint knows
  const { codebookSizes } = model.quantizer;
  const progress = createProgress(
    console,
    codebookSizes.reduce((sum, size) => sum + size, 0),
  );
  const meter = createMeter(
    codebookSizes,
    settings.batch,
    codeShape(model.quantizer).groups,
    run.meter,
  );
  const every = Math.max(1, Math.round(settings.steps / metricLines));
  const began = performance.now();
  const elapsed = () => run.seconds + (performance.now() - began) / 1000;
  let savedAt = run.step === 0 ? Number.NEGATIVE_INFINITY : began;
  const trainer = trainerOf(model, settings, group);
  const writes = group.rank === 0;
  const validation = createValidation({
    ...{ settings, model, trainer, judge, folder, writes },
    before: run.validation,
  });
  const timer = profile ? createPhaseTimer() : undefined;
  using interrupt = watchForInterrupt(() => {
    progress.stop();
    console.note("Stopping after this step. Once more to quit at once.");
  });

  let asked = false;
  const interrupted = (step: number) => asked && step < settings.steps;

  function addLine(): void {
    if (meter.steps === 0) return;
    const line = meter.line(elapsed());
    history.push(line);
    console.record("step", { ...line });
    if (!interrupt.requested) progress.update(line, settings.steps);
  }

  async function writeLines(): Promise<void> {
    if (written === history.length || !writes) return;
    lock?.check();
    await writeMetrics(folder, history);
    written = history.length;
  }

  async function save(state: Run["state"], step: number): Promise<Run> {
    const now = { state, step, seconds: elapsed(), history, meter: meter.state };
    const saved = { ...run, ...now, validation: validation.state };
    if (!writes) return saved;
    lock?.check();
    await saveRun(folder, saved, data.size);
    savedAt = performance.now();
    return saved;
  }

  const { state, step } = await trainLoop(run.state, {
    trainer,
    batch: data.batches(items, batch, settings.seed, partOf(batch, group)),
    from: run.step,
    to: validation.stop ? run.step : settings.steps,
    onReport(report) {
      meter.add(report);
      if (report.step % every === 0) addLine();
    },
    timer,
    async shouldStop() {
      asked = await anyOf(group, interrupt.requested);
      return asked || validation.stop || (await anyOf(group, elapsed() > deadline));
    },
    async afterStep(state, step, finish) {
      if (step === run.step + compilingSteps) timer?.reset();
      const judgement = await validation.afterStep(state, step);
      if (judgement) console.record("validation", { ...judgement });
      const due = performance.now() - savedAt >= checkpointPause * 1000;
      if (due) await finish();
      await writeLines();
      if (due) await save(state, step);
    },
  })
    .then((taken) => {
      if (!interrupted(taken.step)) addLine(); // what is left is the run's last line
      return taken;
    })
    .finally(() => progress.stop());
  await writeLines();
  const trained = await save(state, step);
  await group.barrier(); // nobody ends before all is saved
  if (interrupted(step)) {
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
