import { tree } from "@jax-js/jax";
import { type Model, saveModel } from "vector-quantize/nn";
import {
  type EarlyStoppingState,
  earlyStopping,
  type Trainer,
  type TrainState,
} from "vector-quantize/train";
import { writeFileSafely } from "../output/files.ts";
import type { Judge } from "./judge.ts";
import type { RunFolder } from "./runFolder.ts";
import type { Settings } from "./settings.ts";

/** What an evaluation in the middle of a run found: its judge's numbers. */
export interface ValidationLine {
  readonly step: number;
  readonly [name: string]: number;
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
  readonly judge: Judge;
  readonly folder: RunFolder;
  /** Whether the best model is written. */
  readonly writes: boolean;
  /** What earlier sessions left. */
  readonly before: ValidationState;
}

/** The evaluations of a run by its settings `evalEvery` and `patience`. */
export function createValidation(options: ValidationOptions): Validation {
  const { settings, model, trainer, judge, folder, writes, before } = options;
  const { evalEvery, patience, steps } = settings;
  const stopping = earlyStopping({ ...(patience > 0 && { patience }), state: before.stopping });
  const lines = [...before.lines];
  return {
    async afterStep(state, step) {
      if (evalEvery === 0 || (step % evalEvery !== 0 && step !== steps)) return undefined;
      const variables = trainer.averaged(tree.ref(state as never) as TrainState);
      const { score, numbers } = await judge.score(model, variables);
      const line: ValidationLine = { step, ...numbers };
      lines.push(line);
      if (!stopping.observe(step, score) || !writes) {
        tree.dispose(variables as never);
        return line;
      }
      const details = { ...judge.details, settings, validation: line };
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
