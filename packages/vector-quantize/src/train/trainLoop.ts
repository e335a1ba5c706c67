import type { numpy as np } from "@jax-js/jax";
import { checkInteger, checkKnownOptions, expected } from "../errors.ts";
import { isRecord, release } from "../tree.ts";
import { createMetricReader, type StepReport } from "./metricReader.ts";
import type { PhaseTimer } from "./phaseTimer.ts";
import type { Trainer } from "./trainer.ts";
import type { TrainState } from "./trainState.ts";

/** What `trainLoop` needs. */
export interface TrainLoopOptions {
  readonly trainer: Trainer;
  /** The batch of step `step`, from 0; made while the step before is computed. */
  batch(step: number): np.Array | Promise<np.Array>;
  /** Steps taken before. */
  readonly from: number;
  /** Steps taken when done. */
  readonly to: number;
  /** Called with every step's report, in order, one step late. */
  onReport?(report: StepReport): void;
  /**
   * Called after every step with the state, which stays the loop's: to evaluate or to save.
   *
   * @param finish waits for the step itself, and has it reported at once: what is saved then holds
   *   all reports up to `step`.
   */
  afterStep?(state: TrainState, step: number, finish: () => Promise<void>): Promise<void> | void;
  /** Asked after every step whether to stop there. */
  shouldStop?(): boolean | Promise<boolean>;
  /** Is told where the time of the steps goes; nothing overlaps then. */
  readonly timer?: PhaseTimer | undefined;
}

/**
 * Takes steps until `to` or until asked to stop. Takes ownership of `state`.
 *
 * While the device computes a step, the host makes the next batch and hands it over. Metrics are read
 * one step late, so the loop waits for no step that is still under way but the one before.
 */
export async function trainLoop(
  state: TrainState,
  options: TrainLoopOptions,
): Promise<{ state: TrainState; step: number }> {
  try {
    checkLoopOptions(options);
  } catch (error) {
    release(state);
    throw error;
  }
  const { trainer, batch, from, to, onReport, afterStep, shouldStop, timer } = options;
  const reader = createMetricReader();
  const finish = async () => {
    const last = await reader.flush();
    if (last) onReport?.(last);
  };
  const batchOf = async (step: number) =>
    timer ? timer.time("data", () => batch(step)) : batch(step);

  let step = from;
  let next: np.Array | undefined;
  try {
    while (step < to) {
      const x = next ?? (await batchOf(step));
      next = undefined;
      const stepping = trainer.trainStep(state, x, timer);
      step += 1;
      if (step < to && !timer) [next] = await Promise.all([batchOf(step), stepping]);
      const result = await stepping;
      state = result.state;
      const report = await reader.push(result.metrics);
      if (report) onReport?.(report);
      await afterStep?.(state, step, finish);
      if (await shouldStop?.()) break;
    }
  } finally {
    next?.dispose();
  }
  await finish();
  return { state, step };
}

const callbacks = ["onReport", "afterStep", "shouldStop"] as const;

function checkLoopOptions(options: TrainLoopOptions): void {
  if (!isRecord(options)) throw expected("trainLoop: options", "an object of options", options);
  checkKnownOptions("trainLoop", options, [
    "trainer",
    "batch",
    "from",
    "to",
    "timer",
    ...callbacks,
  ]);
  const { trainer, batch, from, to } = options;
  if (typeof trainer?.trainStep !== "function") {
    throw expected("trainLoop: trainer", "one from createTrainer", trainer);
  }
  if (typeof batch !== "function") throw expected("trainLoop: batch", "a function", batch);
  for (const name of callbacks) {
    const given = options[name];
    if (given !== undefined && typeof given !== "function") {
      throw expected(`trainLoop: ${name}`, "a function", given);
    }
  }
  checkInteger("trainLoop: from", from, 0);
  checkInteger("trainLoop: to", to, from);
}
