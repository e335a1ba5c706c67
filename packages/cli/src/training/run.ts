import { type numpy as np, random, tree } from "@jax-js/jax";
import {
  adam,
  adamw,
  chain,
  clipByGlobalNorm,
  createTrainer,
  type Images,
  loadTraining,
  type Model,
  multiSteps,
  partition,
  saveTraining,
  shuffledBatches,
  type Trainer,
  type TrainState,
  warmupCosineSchedule,
} from "vector-quantize";
import { Failure } from "../failure.ts";
import { readInput, writeFileSafely } from "../output/files.ts";
import type { PictureSize } from "../output/pictures.ts";
import type { MetricLine } from "../report/page.ts";
import { batchMaker } from "./batch.ts";
import { buildModel } from "./model.ts";
import { type RunFolder, readMetrics, writeMetrics } from "./runFolder.ts";
import { resumedSettings, type Settings } from "./settings.ts";
import { noValidation, type ValidationState } from "./validation.ts";

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
  readonly validation: ValidationState;
}

/** Images from which the first codebook is made. */
const sampleSize = 256;

/** A run at its beginning: fresh weights, and a codebook from some of the images. */
export async function startRun(
  settings: Settings,
  images: Images,
  items: Uint32Array,
): Promise<Run> {
  const { seed } = settings;
  const model = buildModel(settings, images.channels);
  const [initKey, fitKey, trainKey] = [...random.split(random.key(seed), 3)] as [
    np.Array,
    np.Array,
    np.Array,
  ];
  const samples = shuffledBatches(items, Math.min(sampleSize, items.length), seed);
  const x = batchMaker(images, samples)(0);
  const variables = await model.fit(model.init(initKey), x, { key: fitKey });
  const state = trainerOf(model, settings).start(variables, trainKey);
  return { settings, model, state, step: 0, seconds: 0, history: [], validation: noValidation };
}

/** The training step of a run: AdamW under a learning rate that warms up, then falls to zero. */
export function trainerOf(model: Model, settings: Settings): Trainer {
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
    ...(ema > 0 && { averageDecay: ema }),
  });
}

/** Saves all that the run needs to go on. The state stays the caller's. */
export async function saveRun(folder: RunFolder, run: Run, images: PictureSize): Promise<void> {
  const { model, state, settings, seconds, step, history, validation } = run;
  const { height, width, channels } = images;
  const bytes = await saveTraining(model, tree.ref(state as never), {
    settings,
    images: { height, width, channels },
    step,
    seconds,
    validation,
  });
  await writeMetrics(folder, history);
  await writeFileSafely(folder.training, bytes);
}

/** What a checkpoint says before its images are loaded. */
export interface SavedRun {
  readonly settings: Settings;
  readonly images: PictureSize;
  /** The run, where it stopped. Throws if the arrays don't fit. */
  restore(): Promise<Run>;
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
  const { images, step, seconds, validation } = details as unknown as SavedDetails;
  const settings = resumedSettings((details as unknown as SavedDetails).settings, wanted, given);
  if (step >= settings.steps) {
    throw new Failure(
      `${file}: expected --steps above ${step}, which are done, got ${settings.steps}`,
    );
  }
  const { patience } = settings;
  if (patience > 0 && validation.stopping.since >= patience) {
    throw new Failure(
      `${file}: expected --patience above ${validation.stopping.since}, after which the run stopped early, got ${patience}`,
    );
  }
  return {
    settings,
    images,
    restore: async () => ({
      settings,
      model,
      state: restore(trainerOf(model, settings)),
      step,
      seconds,
      history: await readMetrics(folder, step),
      validation,
    }),
  };
}

interface SavedDetails {
  readonly settings: Settings;
  readonly images: PictureSize;
  readonly step: number;
  readonly seconds: number;
  readonly validation: ValidationState;
}
