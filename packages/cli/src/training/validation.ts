import { tree } from "@jax-js/jax";
import type { Images } from "vector-quantize/data";
import { type Model, saveModel } from "vector-quantize/nn";
import {
  type EarlyStoppingState,
  earlyStopping,
  type Trainer,
  type TrainState,
} from "vector-quantize/train";
import { eachOf } from "../input/pictureSet.ts";
import { evaluate } from "../measure/pictureEvaluation.ts";
import { writeFileSafely } from "../output/files.ts";
import type { RunFolder } from "./runFolder.ts";
import type { Settings } from "./settings.ts";

/** What an evaluation in the middle of a run found. */
export interface ValidationLine {
  readonly step: number;
  readonly psnr: number;
  readonly perplexity: number;
  readonly usedCodes: number;
}

/** All evaluations of a run so far, and the best of them: saved with the run. */
export interface ValidationState {
  readonly lines: readonly ValidationLine[];
  readonly stopping: EarlyStoppingState;
}

/** Before the first evaluation. */
export const noValidation: ValidationState = { lines: [], stopping: { since: 0 } };

/** Judges a run every so many steps. */
export interface Validation {
  /** Evaluates if it is time to, and saves the model if it is the best so far. */
  afterStep(state: TrainState, step: number): Promise<ValidationLine | undefined>;
  /** Whether the last evaluations brought nothing better for as long as the run may wait. */
  readonly stop: boolean;
  readonly state: ValidationState;
}

export interface ValidationOptions {
  readonly settings: Settings;
  readonly model: Model;
  readonly trainer: Trainer;
  /** The images to judge by. */
  readonly judged: Images;
  readonly folder: RunFolder;
  /** Whether the best model is written. */
  readonly writes: boolean;
  /** What earlier sessions left. */
  readonly before: ValidationState;
}

/** The evaluations of a run by its settings `evalEvery` and `patience`. */
export function createValidation(options: ValidationOptions): Validation {
  const { settings, model, trainer, judged, folder, writes, before } = options;
  const { evalEvery, patience, steps } = settings;
  const stopping = earlyStopping({ ...(patience > 0 && { patience }), state: before.stopping });
  const lines = [...before.lines];
  return {
    async afterStep(state, step) {
      if (evalEvery === 0 || (step % evalEvery !== 0 && step !== steps)) return undefined;
      const variables = trainer.averaged(tree.ref(state as never) as TrainState);
      const { psnr, perplexity, usedCodes } = await evaluate(
        { model, variables, images: judged, patch: settings.patch, path: folder.best },
        eachOf(judged),
      );
      const line = { step, psnr, perplexity, usedCodes };
      lines.push(line);
      if (!stopping.observe(step, psnr) || !writes) {
        tree.dispose(variables as never);
        return line;
      }
      const { height, width, channels } = judged;
      const details = { images: { height, width, channels }, settings, validation: line };
      await writeFileSafely(folder.best, await saveModel(model, variables, details));
      return line;
    },
    get stop() {
      return stopping.stop;
    },
    get state() {
      return { lines, stopping: stopping.state };
    },
  };
}
