import { numpy as np } from "@jax-js/jax";
import { checkInteger, checkNumber, expected, VectorQuantizeError } from "../errors.ts";

/**
 * A learning rate that depends on the number of updates taken before, a float32 scalar that may be
 * traced. Takes ownership of `count`.
 */
export type Schedule = (count: np.Array) => np.Array;

/** A learning rate: a number, or a schedule. */
export type LearningRate = number | Schedule;

/** Throws unless `rate` is a number of at least 0 or a function. */
export function checkLearningRate(where: string, rate: unknown): void {
  if (typeof rate === "function") return;
  if (typeof rate !== "number")
    throw expected(`${where}: learningRate`, "a number or a schedule", rate);
  checkNumber(`${where}: learningRate`, rate, 0);
}

/** Always `value`. */
export function constantSchedule(value: number): Schedule {
  checkNumber("constantSchedule: value", value, 0);
  return (count) => count.mul(0).add(value);
}

/** From `from` to `to` in a straight line over `steps` updates, then `to`. */
export function linearSchedule(from: number, to: number, steps: number): Schedule {
  checkNumber("linearSchedule: from", from, 0);
  checkNumber("linearSchedule: to", to, 0);
  checkInteger("linearSchedule: steps", steps);
  return (count) =>
    np
      .minimum(count.mul(1 / steps), 1)
      .mul(to - from)
      .add(from);
}

/**
 * From `from` to `to` along half a cosine over `steps` updates, then `to`:
 * `to + (from - to) * (1 + cos(pi * count / steps)) / 2`.
 *
 * Source: Loshchilov & Hutter, "SGDR", 2016, https://arxiv.org/abs/1608.03983.
 */
export function cosineSchedule(from: number, steps: number, to = 0): Schedule {
  checkNumber("cosineSchedule: from", from, 0);
  checkNumber("cosineSchedule: to", to, 0);
  checkInteger("cosineSchedule: steps", steps);
  return (count) => {
    const angle = np.minimum(count.mul(1 / steps), 1).mul(Math.PI);
    return np
      .cos(angle)
      .add(1)
      .mul((from - to) / 2)
      .add(to);
  };
}

/**
 * One schedule after another: `schedules[i]` takes over at update `boundaries[i - 1]` and counts from
 * there.
 *
 * ```ts
 * joinSchedules([linearSchedule(0, 1e-3, 100), cosineSchedule(1e-3, 900)], [100]);
 * ```
 *
 * @throws unless there is one boundary fewer than schedules, and they increase
 */
export function joinSchedules(
  schedules: readonly Schedule[],
  boundaries: readonly number[],
): Schedule {
  if (schedules.length === 0 || boundaries.length !== schedules.length - 1) {
    throw new VectorQuantizeError(
      `joinSchedules: expected one boundary fewer than schedules, got ${schedules.length} schedules and ${boundaries.length} boundaries`,
    );
  }
  boundaries.forEach((boundary, i) => {
    checkInteger("joinSchedules: boundaries", boundary, (boundaries[i - 1] ?? 0) + 1);
  });
  return (count) => {
    const [first, ...rest] = schedules as [Schedule, ...Schedule[]];
    const rate = rest.reduce((before, schedule, i) => {
      const boundary = boundaries[i] as number;
      const after = schedule(np.maximum(count.ref.sub(boundary), 0));
      return np.where(np.less(count.ref, boundary), before, after);
    }, first(count.ref));
    count.dispose();
    return rate;
  };
}

/** `warmup` updates in a straight line from 0 to `peak`, then half a cosine to 0 at update `steps`. */
export function warmupCosineSchedule(peak: number, warmup: number, steps: number): Schedule {
  checkInteger("warmupCosineSchedule: warmup", warmup);
  checkInteger("warmupCosineSchedule: steps", steps, warmup + 1);
  return joinSchedules(
    [linearSchedule(0, peak, warmup), cosineSchedule(peak, steps - warmup)],
    [warmup],
  );
}
