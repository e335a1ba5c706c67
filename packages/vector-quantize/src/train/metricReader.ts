import type { numpy as np } from "@jax-js/jax";
import { VectorQuantizeError } from "../errors.ts";
import { readBeside } from "./lostDevice.ts";
import type { StepMetrics } from "./trainState.ts";

/** Metrics on the host: numbers, and the indices as they are. */
export interface StepReport {
  /** Number of the step, from 1. */
  readonly step: number;
  readonly indices: Int32Array;
  /** Scalars by name: loss, reconstruction, psnr, commitment and so on. */
  readonly values: Readonly<Record<string, number>>;
}

/** Reads metrics while the next step is already under way. */
export interface MetricReader {
  /**
   * Hands over a step's metrics and resolves to the report of the step before; `undefined` the first
   * time. Waits for that step, so at most two steps are under way. Takes ownership of `metrics`.
   *
   * @throws VectorQuantizeError naming the step whose loss is not a number, or infinite; or if the device was lost
   */
  push(metrics: StepMetrics): Promise<StepReport | undefined>;
  /** The report of the last step handed over. */
  flush(): Promise<StepReport | undefined>;
}

/**
 * A reader of training metrics that comes one step late.
 *
 * Reading an array waits until it is computed. Read right after its step, the device would stand still
 * while the host prepares the next step; read one step later, it has work.
 */
export function createMetricReader(): MetricReader {
  let pending: Promise<StepReport> | undefined;

  return {
    async push(metrics) {
      const before = pending;
      pending = read(metrics);
      pending.catch(() => {}); // an error comes out where the report is awaited
      return before;
    },
    async flush() {
      const last = pending;
      pending = undefined;
      return last;
    },
  };
}

async function read(metrics: StepMetrics): Promise<StepReport> {
  const { indices, step, ...scalars } = metrics;
  const names = Object.keys(scalars);
  const arrays: np.Array[] = [step, indices, ...Object.values(scalars)];
  const read = () => Promise.all(arrays.map((array) => array.data()));
  const [[number], codes, ...values] = (await readBeside(step, read)) as [
    Int32Array,
    Int32Array,
    ...Float32Array[],
  ];
  const report: StepReport = {
    step: number as number,
    indices: codes,
    values: Object.fromEntries(names.map((name, i) => [name, values[i]?.[0] as number])),
  };
  const { loss } = report.values;
  if (!Number.isFinite(loss)) {
    throw new VectorQuantizeError(
      `training step ${report.step}: expected a finite loss, got ${loss}. ` +
        "Look for NaN or infinite values in the data, or lower the learning rate",
    );
  }
  return report;
}
