import { numpy as np, random, tree } from "@jax-js/jax";
import {
  adamw,
  chain,
  clipByGlobalNorm,
  createTrainer,
  type Images,
  loadTraining,
  type Model,
  saveTraining,
  shuffledBatches,
  type Trainer,
  type TrainState,
  toFloats,
  warmupCosineSchedule,
} from "vector-quantize";
import { Failure } from "../failure.ts";
import { readInput, writeFileSafely } from "../output/files.ts";
import type { PictureSize } from "../output/pictures.ts";
import type { MetricLine } from "../report/page.ts";
import { buildModel } from "./model.ts";
import { type RunFolder, readMetrics, writeMetrics } from "./runFolder.ts";
import { resumedSettings, type Settings } from "./settings.ts";

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
  const sample = shuffledBatches(items, Math.min(sampleSize, items.length), seed).at(0);
  const x = np.array(toFloats(images, sample), {
    shape: [sample.length, images.height, images.width, images.channels],
  });
  const variables = await model.fit(model.init(initKey), x, { key: fitKey });
  const state = trainerOf(model, settings).start(variables, trainKey);
  return { settings, model, state, step: 0, seconds: 0, history: [] };
}

/** The training step of a run: AdamW under a learning rate that warms up, then falls to zero. */
export function trainerOf(model: Model, { learningRate, steps }: Settings): Trainer {
  const warmup = Math.max(1, Math.min(100, Math.floor(steps / 10)));
  const schedule = warmupCosineSchedule(learningRate, warmup, Math.max(steps, warmup + 1));
  return createTrainer(model, { optimizer: chain(clipByGlobalNorm(1), adamw(schedule)) });
}

/** Saves all that the run needs to go on. The state stays the caller's. */
export async function saveRun(folder: RunFolder, run: Run, images: PictureSize): Promise<void> {
  const { model, state, settings, seconds, step, history } = run;
  const { height, width, channels } = images;
  const bytes = await saveTraining(model, tree.ref(state as never), {
    settings,
    images: { height, width, channels },
    step,
    seconds,
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
  const { images, step, seconds } = details as unknown as SavedDetails;
  const settings = resumedSettings((details as unknown as SavedDetails).settings, wanted, given);
  if (step >= settings.steps) {
    throw new Failure(
      `${file}: expected --steps above ${step}, which are done, got ${settings.steps}`,
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
    }),
  };
}

interface SavedDetails {
  readonly settings: Settings;
  readonly images: PictureSize;
  readonly step: number;
  readonly seconds: number;
}
