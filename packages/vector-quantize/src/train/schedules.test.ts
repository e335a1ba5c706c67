import { jit, numpy as np } from "@jax-js/jax";
import { expect, test } from "vitest";
import {
  constantSchedule,
  cosineSchedule,
  joinSchedules,
  linearSchedule,
  type Schedule,
  warmupCosineSchedule,
} from "./schedules.ts";

/** The schedule's values, computed under jit. */
const at = async (schedule: Schedule, counts: number[]) => {
  const rate = jit(schedule);
  const values = await Promise.all(counts.map((count) => rate(np.array(count)).data()));
  return values.map((value: ArrayLike<number>) => value[0] as number);
};

test.each<[string, Schedule, Record<number, number>]>([
  ["constant", constantSchedule(0.5), { 0: 0.5, 7: 0.5 }],
  ["rising line", linearSchedule(1, 3, 4), { 0: 1, 1: 1.5, 4: 3, 99: 3 }],
  ["falling line", linearSchedule(2, 0, 2), { 0: 2, 1: 1, 2: 0, 3: 0 }],
  // (1 + cos(pi / 4)) / 2 = 0.8535534
  ["cosine", cosineSchedule(1, 8), { 0: 1, 2: 0.8535534, 4: 0.5, 8: 0, 9: 0 }],
  ["cosine to a floor", cosineSchedule(1, 8, 0.2), { 0: 1, 4: 0.6, 8: 0.2, 20: 0.2 }],
  ["warmup and cosine", warmupCosineSchedule(1, 4, 8), { 0: 0, 1: 0.25, 4: 1, 6: 0.5, 8: 0 }],
  [
    "three joined",
    joinSchedules([constantSchedule(1), constantSchedule(2), linearSchedule(0, 4, 4)], [2, 5]),
    { 0: 1, 1: 1, 2: 2, 4: 2, 5: 0, 6: 1, 9: 4 },
  ],
])("%s", async (_name, schedule, expected) => {
  const found = await at(schedule, Object.keys(expected).map(Number));
  Object.values(expected).forEach((value, i) => {
    expect(found[i]).toBeCloseTo(value, 6);
  });
});

test("refuses boundaries that don't fit", () => {
  const one = constantSchedule(1);
  expect(() => joinSchedules([one, one], [])).toThrow("got 2 schedules and 0 boundaries");
  expect(() => joinSchedules([one, one, one], [3, 3])).toThrow("an integer of at least 4, got 3");
  expect(() => warmupCosineSchedule(1, 5, 5)).toThrow("an integer of at least 6, got 5");
});
