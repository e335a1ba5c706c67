import { expect, test } from "vitest";
import { earlyStopping } from "./earlyStopping.ts";

test("knows the best score, and stops after evaluations without a better one", () => {
  const stopping = earlyStopping({ patience: 2, minDelta: 0.5 });
  expect(stopping.observe(10, 1)).toBe(true);
  expect(stopping.observe(20, 1.5)).toBe(false); // not by more than minDelta
  expect(stopping.stop).toBe(false);
  expect(stopping.observe(30, 2)).toBe(true);
  expect(stopping.state).toEqual({ best: { step: 30, score: 2 }, since: 0 });
  expect(stopping.observe(40, Number.NaN)).toBe(false);
  expect(stopping.observe(50, 0)).toBe(false);
  expect(stopping.stop).toBe(true);
});

test("goes on from its state", () => {
  const first = earlyStopping({ patience: 2 });
  first.observe(1, 3);
  first.observe(2, 2);
  const second = earlyStopping({ patience: 2, state: JSON.parse(JSON.stringify(first.state)) });
  expect(second.observe(3, 1)).toBe(false);
  expect(second.stop).toBe(true);
  expect(second.state.best).toEqual({ step: 1, score: 3 });
});

test("without patience it never stops", () => {
  const stopping = earlyStopping();
  expect(stopping.observe(0, Number.NaN)).toBe(false);
  for (let i = 1; i < 50; i++) stopping.observe(i, -i);
  expect(stopping.stop).toBe(false);
  expect(stopping.state.best).toEqual({ step: 1, score: -1 });
});

test("refuses options that make no sense", () => {
  expect(() => earlyStopping({ patience: 0 })).toThrow(
    "earlyStopping: patience: expected an integer of at least 1, got 0",
  );
  expect(() => earlyStopping({ minDelta: -1 })).toThrow("earlyStopping: minDelta");
});
