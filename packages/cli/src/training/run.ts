import { type numpy as np, random, tree } from "@jax-js/jax";
import type { Model } from "vector-quantize/nn";
import {
  adam,
  adamw,
  chain,
  clipByGlobalNorm,
  createTrainer,
  loadTraining,
  multiSteps,
  type ProcessGroup,
  partition,
  saveTraining,
  type Trainer,
  type TrainState,
  warmupCosineSchedule,
} from "vector-quantize/train";
import { Failure } from "../failure.ts";
import { readInput, writeFileSafely } from "../output/files.ts";
import type { MetricLine } from "../report/page.ts";
import type { TrainingData } from "./data.ts";
import { type MeterState, noSteps } from "./meter.ts";
import { buildModel, lossOf, valuesIn, vectorsOf } from "./model.ts";
import { isFinished, type RunFolder } from "./runFolder.ts";
import { resumedSettings, type Settings } from "./settings.ts";
import { noValidation, type ValidationState } from "./validation.ts";

/** The size of what a model gets to see. */
type ItemSize = TrainingData["size"];

/** A run between two of its steps. */
export interface Run {
  readonly settings: Settings;
  readonly model: Model;
  readonly state: TrainState;
  /** Steps taken so far. */
  readonly step: number;
  /** Seconds of training so far. */
  readonly seconds: number;
  readonly history: readonly MetricLine[];
  /** What the next line of metrics has so far. */
  readonly meter: MeterState;
  readonly validation: ValidationState;
}

/** What a run has before its first step. */
const unbegun = { step: 0, seconds: 0, history: [], meter: noSteps, validation: noValidation };

/** Most pixels, or samples, of what the first codes are made of. */
const mostValues = { pictures: 2 ** 22, sounds: 2 ** 20 };
/** Most pieces of each item among them. */
const piecesToFit = 64;

/** A run at its beginning: fresh weights, and a codebook from some of the images. */
export async function startRun(
  settings: Settings,
  data: TrainingData,
  items: Uint32Array,
): Promise<Run> {
  const { seed } = settings;
  const model = buildModel(settings, data.size);
  const [initKey, fitKey, trainKey] = [...random.split(random.key(seed), 3)] as [
    np.Array,
    np.Array,
    np.Array,
  ];
  const count = sampleSize(settings, data, items.length);
  const fresh = model.init(initKey);
  const sample = () => data.batches(items, count, seed)(0);
  const variables = count === 0 ? fresh : await model.fit(fresh, await sample(), { key: fitKey });
  const state = trainerOf(model, settings).start(variables, trainKey);
  return { settings, model, state, ...unbegun };
}

/** How many items the first codes are made of: enough for so many vectors, if there are. */
function sampleSize(settings: Settings, { size, inPieces }: TrainingData, items: number): number {
  const there = inPieces ? items * piecesToFit : items;
  const most = mostValues[settings.medium ?? "pictures"];
  const fitting = Math.max(1, Math.floor(most / valuesIn(size)));
  return Math.min(Math.ceil(settings.fitVectors / vectorsOf(settings, size)), there, fitting);
}

/** The training step of a run: AdamW under a learning rate that warms up, then falls to zero. */
export function trainerOf(model: Model, settings: Settings, group?: ProcessGroup): Trainer {
  const { learningRate, codebookLearningRate, clip, accumulate, ema } = settings;
  const updates = Math.ceil(settings.steps / accumulate);
  const warmup = Math.max(1, Math.min(100, Math.floor(updates / 10)));
  const schedule = (rate: number) =>
    warmupCosineSchedule(rate, warmup, Math.max(updates, warmup + 1));
  const rest = adamw(schedule(learningRate));
  const parts =
    codebookLearningRate === 0
      ? rest
      : partition({ codebook: adam(schedule(codebookLearningRate)), rest }, (path) =>
          path.startsWith("quantizer.") ? "codebook" : "rest",
        );
  const update = clip === 0 ? parts : chain(clipByGlobalNorm(clip), parts);
  return createTrainer(model, {
    optimizer: multiSteps(update, accumulate),
    ...lossOf(settings),
    ...(ema > 0 && { averageDecay: ema }),
    ...(group && { group }),
  });
}

/** Saves all that the run needs to go on. The state stays the caller's. */
export async function saveRun(folder: RunFolder, run: Run, size: ItemSize): Promise<void> {
  const { model, state, ...rest } = run;
  const details: SavedDetails = { ...rest, images: { ...size } };
  const bytes = await saveTraining(model, tree.ref(state as never), { ...details });
  await writeFileSafely(folder.training, bytes);
}

/**
 * Puts a run that has not begun in the place of the checkpoint in the folder. `--resume` begins it, and
 * never finds the run that it replaces.
 */
export async function markRun(
  folder: RunFolder,
  settings: Settings,
  size: ItemSize,
): Promise<void> {
  const state = {} as TrainState; // comes with the first step: weights and codes follow the seed
  const model = buildModel(settings, size);
  await saveRun(folder, { settings, model, state, ...unbegun }, size);
}

/** What a checkpoint says before its images are loaded. */
export interface SavedRun {
  readonly settings: Settings;
  readonly size: ItemSize;
  /** Steps taken; at 0 there is nothing to restore. */
  readonly step: number;
  /** The run, where it stopped. Throws if the arrays don't fit. */
  restore(): Run;
}

/**
 * Opens the checkpoint in a run's folder.
 *
 * @param given names of the settings that stood on the command line.
 */
export async function openRun(
  folder: RunFolder,
  wanted: Settings,
  given: ReadonlySet<string>,
): Promise<SavedRun> {
  const file = folder.training;
  const { model, details, restore } = loadTraining(await readInput(file), { file });
  if (!isSavedDetails(details)) {
    throw new Failure(
      `${file}: expected a checkpoint that vq train wrote, got one without its settings`,
    );
  }
  const { images: size, ...saved } = details;
  const { step, validation } = saved;
  const settings = resumedSettings(saved.settings, wanted, given);
  const complaint = endedBy(settings, step, validation);
  // A run that was killed between its last step and its report is finished now.
  if (complaint && (step > settings.steps || (await isFinished(folder, step)))) {
    throw new Failure(`${file}: ${complaint}`);
  }
  const state = () => restore(trainerOf(model, settings));
  return { settings, size, step, restore: () => ({ ...saved, settings, model, state: state() }) };
}

/** Why a run takes no more steps, if so: what --resume would need. */
function endedBy(
  { steps, patience }: Settings,
  step: number,
  { stopping: { since } }: ValidationState,
): string | undefined {
  if (step >= steps) return `expected --steps above ${step}, which are done, got ${steps}`;
  if (patience === 0 || since < patience) return undefined;
  return `expected --patience above ${since}, after which the run stopped early, got ${patience}`;
}

/** What a checkpoint tells beside its arrays. */
type SavedDetails = Omit<Run, "model" | "state"> & { readonly images: ItemSize };

function isSavedDetails(details: unknown): details is SavedDetails {
  const { settings, images, step, history, meter, validation } = (details ??
    {}) as Partial<SavedDetails>;
  const records = [settings, images, meter, validation?.stopping];
  return (
    records.every((part) => typeof part === "object") &&
    Array.isArray(history) &&
    step !== undefined
  );
}
