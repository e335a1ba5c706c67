import { blockUntilReady } from "@jax-js/jax";

/** Parts of a training step, in their order. One graph is a single part, `step`. */
export const stepPhases = [
  "data",
  "encoder forward",
  "quantizer forward",
  "decoder",
  "quantizer backward",
  "encoder backward",
  "optimizer",
  "step",
] as const;

/**
 * A part of a training step. `quantizer forward` is the search, the codebook update and the output;
 * `decoder` is its output, the losses and their gradients back to the quantizer's output.
 */
export type StepPhase = (typeof stepPhases)[number];

/** Milliseconds that the steps spent in each part. */
export type Profile = Partial<Record<StepPhase, number>>;

/** Adds up where the time of training steps goes. */
export interface PhaseTimer {
  /** Runs a part, waits until its arrays are computed, and adds the time to `phase`. */
  time<T>(phase: StepPhase, run: () => T | Promise<T>): Promise<T>;
  /** Milliseconds of each part so far, added up; parts that never ran are absent. */
  readonly profile: Profile;
  /** Starts again from zero, for example after the steps that compile. */
  reset(): void;
}

/**
 * A timer for `trainStep` and `trainLoop`.
 *
 * A part is over when its arrays are computed. So the timer waits between the parts, which a step
 * without it does not: a timed step takes longer, and overlaps nothing.
 */
export function createPhaseTimer(): PhaseTimer {
  let profile: Profile = {};
  return {
    async time(phase, run) {
      const began = performance.now();
      const result = await run();
      await blockUntilReady(result as never);
      profile[phase] = (profile[phase] ?? 0) + performance.now() - began;
      return result;
    },
    get profile() {
      return Object.fromEntries(
        stepPhases.flatMap((phase) => {
          const time = profile[phase];
          return time === undefined ? [] : [[phase, time]];
        }),
      );
    },
    reset() {
      profile = {};
    },
  };
}
