import type { Images } from "vector-quantize/data";
import type { FullEvaluation } from "../measure/pictureEvaluation.ts";
import type { TrainingData } from "./data.ts";
import type { StepProfile } from "./profile.ts";
import type { Run } from "./run.ts";
import type { RunFolder } from "./runFolder.ts";

export interface FinishOptions {
  readonly run: Run;
  readonly folder: RunFolder;
  readonly data: TrainingData;
  /** The images to judge by, whose pictures they are, and whether these were held back from training. */
  readonly judged: Images;
  readonly shown: Uint32Array;
  /** The images that it was trained on. */
  readonly items: Uint32Array;
  readonly held: boolean;
  readonly profile?: StepProfile;
  readonly stoppedEarly: boolean;
  readonly machine: string;
}

/** What a finished run reached. */
export interface RunResult {
  readonly run: Run;
  readonly folder: RunFolder;
  readonly evaluation: FullEvaluation;
  readonly profile?: StepProfile;
  /** Most memory that the process had at once. */
  readonly peakMebibytes: number;
}
