import type { Model, ModelVariables } from "vector-quantize/nn";
import type { MediumReport } from "../report/page.ts";
import type { RunFolder } from "./runFolder.ts";

/** What a run is judged by: pictures or sounds, held back from training or, where none are, its own. */
export interface Judge {
  readonly count: number;
  /** Whether they were held back. */
  readonly held: boolean;
  /** What a model file says of its medium. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Judges in the middle of a run. The variables stay the caller's. */
  score(model: Model, variables: ModelVariables): Promise<Judgement>;
  /** Judges at the end of a run. The variables stay the caller's. */
  conclude(trained: TrainedModel): Promise<Conclusion>;
}

export interface Judgement {
  /** The higher, the better. */
  readonly score: number;
  readonly numbers: Readonly<Record<string, number>>;
}

/** A model at the end of its run. */
export interface TrainedModel {
  readonly model: Model;
  readonly variables: ModelVariables;
  readonly folder: RunFolder;
}

/** What a judge found at the end of a run. */
export interface Conclusion {
  /** Numbers by their names, for programs. */
  readonly summary: Readonly<Record<string, unknown>>;
  /** The same for people, one a line. */
  readonly findings: readonly string[];
  /** Writes what can be seen or heard: what it is, and the files. */
  writeFiles(note: (line: string) => void): Promise<(readonly [what: string, path: string])[]>;
  /** What the report shows of the medium. */
  report(): Promise<MediumReport>;
}
