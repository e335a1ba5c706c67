import type { StepReport } from "vector-quantize/train";
import { countCodes, usageOf } from "../codec/usage.ts";
import type { MetricLine } from "../report/page.ts";

/** Joins the reports of several steps into one line of metrics. */
export interface Meter {
  add(report: StepReport): void;
  /** Number of steps since the last line. */
  readonly steps: number;
  /** The means since the last line; the next line starts empty. */
  line(seconds: number): MetricLine;
  /** What has been added since the last line: saved with a run, so that its next line is whole. */
  readonly state: MeterState;
}

/** Plain JSON. */
export interface MeterState {
  /** Number of the last step. */
  readonly step: number;
  /** Steps since the last line, the sums of their values, and the uses of the codes in them. */
  readonly steps: number;
  readonly sums: Readonly<Record<string, number>>;
  readonly counts: readonly number[];
  // The rate is over two lines: the last line of a run may hold a single step, read at once.
  /** The line before: when it began, when it ended, and how many steps it had. */
  readonly before: { readonly began: number; readonly ended: number; readonly steps: number };
}

/** The parts of the loss of sounds. */
const soundParts = ["waveform", "mel", "stft"] as const;

/** A meter before the first step. */
export const noSteps: MeterState = {
  ...{ step: 0, steps: 0, sums: {}, counts: [] },
  before: { began: 0, ended: 0, steps: 0 },
};

/**
 * @param batch images a step.
 * @param groups of a grouped quantizer: see `countCodes`.
 * @param begun what an earlier session left.
 */
export function createMeter(
  codebookSizes: readonly number[],
  batch: number,
  groups: number,
  begun: MeterState = noSteps,
): Meter {
  let { step, steps, before } = begun;
  let sums = { ...begun.sums };
  let counts = Float64Array.from(begun.counts);

  return {
    add({ values, indices, step: number }) {
      step = number;
      steps += 1;
      for (const [name, value] of Object.entries(values)) sums[name] = (sums[name] ?? 0) + value;
      const uses = countCodes(indices, codebookSizes, groups);
      counts = uses.map((count, code) => count + (counts[code] ?? 0));
    },
    get steps() {
      return steps;
    },
    get state() {
      return { step, steps, sums, counts: [...counts], before };
    },
    line(now) {
      const { perplexity, usedCodes } = usageOf(counts, codebookSizes);
      const mean = (name: string) => (sums[name] ?? 0) / steps;
      const line: MetricLine = {
        step,
        seconds: now,
        loss: mean("loss"),
        reconstruction: mean("reconstruction"),
        commitment: mean("commitment"),
        psnr: mean("psnr"),
        ...Object.fromEntries(
          soundParts.filter((name) => name in sums).map((name) => [name, mean(name)]),
        ),
        perplexity,
        usedCodes,
        imagesPerSecond: ((before.steps + steps) * batch) / Math.max(now - before.began, 1e-9),
      };
      before = { began: before.ended, ended: now, steps };
      steps = 0;
      sums = {};
      counts = new Float64Array(0);
      return line;
    },
  };
}
