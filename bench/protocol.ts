/** What the main process asks of a side: one JSON object a line, answered by one line. */
export type Request = ({ do: "prepare" } & Preparation) | { do: "run" | "peak" | "probe" };

/** One case for one side. Sizes that a side does not use are absent. */
export interface Preparation extends CaseSizes {
  side: string;
  threads: number;
  /** Raw little-endian float32 files, the same for every side. */
  files: Record<string, string>;
  jemalloc: boolean;
}

/** Sizes and settings of a case. */
export interface CaseSizes {
  n: number;
  dim: number;
  codes: number;
  layers?: number;
  beam?: number;
  iterations?: number;
  levels?: number[];
  topk?: number;
}

/** A side's answer; which keys are there depends on the request. */
export interface Reply {
  versions?: Record<string, unknown>;
  /** Why the side cannot run here. */
  skip?: string;
  error?: string;
  /** Wall time of one call. */
  ms?: number;
  /** Resident memory before the first call, and the highest since. */
  baseMiB?: number;
  peakMiB?: number;
  /** Speed of a loop of 128-bit multiply-adds on registers, all threads, in GFLOP/s. */
  gflops?: number;
}
