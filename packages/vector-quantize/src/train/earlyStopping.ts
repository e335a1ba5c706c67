import { checkInteger, checkKnownOptions, checkNumber, expected } from "../errors.ts";

/** What has been seen so far: plain JSON, to be saved with a run. */
export interface EarlyStoppingState {
  /** The best score and its step; absent before the first. */
  readonly best?: { readonly step: number; readonly score: number };
  /** Evaluations since the best one. */
  readonly since: number;
}

/** Options of `earlyStopping`. */
export interface EarlyStoppingOptions {
  /** Evaluations without a better score after which training should stop. Default: never. */
  readonly patience?: number;
  /** How much higher a score must be to count as better. Default 0. */
  readonly minDelta?: number;
  /** What an earlier session left, to go on from it. */
  readonly state?: EarlyStoppingState;
}

/** Keeps the best score of a run, and knows when to give up. */
export interface EarlyStopping {
  /**
   * Takes the score of an evaluation after `step` steps, the higher the better. NaN is never better.
   *
   * @returns whether it is the best so far, the time to save the model
   */
  observe(step: number, score: number): boolean;
  /** Whether the last `patience` evaluations brought nothing better. */
  readonly stop: boolean;
  readonly state: EarlyStoppingState;
}

/**
 * Early stopping by patience.
 *
 * ```ts
 * const stopping = earlyStopping({ patience: 5 });
 * for (let step = 100; !stopping.stop; step += 100) {
 *   if (stopping.observe(step, await evaluate(step))) await save();
 * }
 * ```
 *
 * Source: Prechelt, "Early Stopping - But When?", 1998, the criterion UP.
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): EarlyStopping {
  const { patience = Number.POSITIVE_INFINITY, minDelta = 0 } = options;
  checkKnownOptions("earlyStopping", options, ["patience", "minDelta", "state"]);
  if (patience !== Number.POSITIVE_INFINITY) checkInteger("earlyStopping: patience", patience);
  checkNumber("earlyStopping: minDelta", minDelta, 0);
  let state = options.state ?? { since: 0 };
  return {
    observe(step, score) {
      if (typeof score !== "number") throw expected("earlyStopping: score", "a number", score);
      const { best } = state;
      const better = best ? score > best.score + minDelta : !Number.isNaN(score);
      state = better
        ? { best: { step, score }, since: 0 }
        : { ...(best && { best }), since: state.since + 1 };
      return better;
    },
    get stop() {
      return state.since >= patience;
    },
    get state() {
      return state;
    },
  };
}
