import { type Profile, type StepPhase, stepPhases } from "vector-quantize/train";

/** Where the time of a step went. */
export interface StepProfile {
  /** Steps that were timed. */
  readonly steps: number;
  /** Milliseconds of a step in each part, on average. */
  readonly milliseconds: Profile;
}

/** The mean over `steps` steps of what a timer added up. */
export function stepProfile(total: Profile, steps: number): StepProfile {
  const entries = Object.entries(total).map(([phase, time]) => [phase, time / steps] as const);
  return { steps, milliseconds: Object.fromEntries(entries) };
}

/** Each part as text: its name, its time and its share of the whole. */
export function profileLines({ milliseconds }: StepProfile): [StepPhase, string][] {
  const whole = Object.values(milliseconds).reduce((sum, time) => sum + time, 0);
  return stepPhases.flatMap((phase) => {
    const time = milliseconds[phase];
    if (time === undefined) return [];
    return [[phase, `${time.toFixed(1)} ms, ${((100 * time) / whole).toFixed(0)} %`]];
  });
}
