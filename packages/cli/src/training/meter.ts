import type { StepReport } from "vector-quantize";
import { measureUsage } from "../codec/usage.ts";
import type { MetricLine } from "../report/page.ts";

/** Joins the reports of several steps into one line of metrics. */
export interface Meter {
  add(report: StepReport): void;
  /** Number of steps since the last line. */
  readonly steps: number;
  /** The means since the last line; the next line starts empty. */
  line(seconds: number): MetricLine;
}

/**
 * @param batch images a step.
 * @param seconds training time so far, from earlier sessions.
 */
export function createMeter(
  codebookSizes: readonly number[],
  batch: number,
  seconds: number,
): Meter {
  let reports: StepReport[] = [];
  // The rate is over two lines: the last line of a run may hold a single step, read at once.
  let began = seconds;
  let before = { seconds, steps: 0 };

  function mean(name: string): number {
    const values = reports.map((report) => report.values[name] ?? 0);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  }

  return {
    add: (report) => reports.push(report),
    get steps() {
      return reports.length;
    },
    line(now) {
      const indices = joined(reports.map((report) => report.indices));
      const usage = measureUsage(indices, codebookSizes);
      const line: MetricLine = {
        step: reports.at(-1)?.step ?? 0,
        seconds: now,
        loss: mean("loss"),
        reconstruction: mean("reconstruction"),
        commitment: mean("commitment"),
        psnr: mean("psnr"),
        perplexity: usage.perplexity,
        usedCodes: usage.usedCodes,
        imagesPerSecond: ((before.steps + reports.length) * batch) / Math.max(now - began, 1e-9),
      };
      began = before.seconds;
      before = { seconds: now, steps: reports.length };
      reports = [];
      return line;
    },
  };
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
