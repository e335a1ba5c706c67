import type { Judge } from "./judge.ts";
import type { StepProfile } from "./profile.ts";
import type { Run } from "./run.ts";
import type { RunFolder } from "./runFolder.ts";

export interface FinishOptions {
  readonly run: Run;
  readonly folder: RunFolder;
  readonly judge: Judge;
  readonly profile?: StepProfile;
  readonly stoppedEarly: boolean;
  readonly machine: string;
}

/** What a finished run reached. */
export interface RunResult {
  readonly run: Run;
  readonly folder: RunFolder;
  /** Numbers, one a line. */
  readonly findings: readonly string[];
  /** What can be seen or heard: what it is, and where. */
  readonly files: readonly (readonly [what: string, path: string])[];
  /** The best evaluation in the middle of the run, in words. */
  readonly best?: string;
  readonly profile?: StepProfile;
  /** Most memory that the process had at once. */
  readonly peakMebibytes: number;
}
