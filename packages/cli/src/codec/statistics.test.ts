import { describe, expect, test } from "vitest";
import { codebookStatistics } from "./codebookStatistics.ts";
import { countCodes, measureUsage } from "./usage.ts";

describe("usage", () => {
  test("of one codebook", () => {
    const usage = measureUsage(Int32Array.of(0, 0, 2, 2), [4]);
    expect([...usage.counts]).toEqual([2, 0, 2, 0]);
    expect(usage.usedCodes).toBe(2);
    expect(usage.perplexity).toBeCloseTo(2, 12);
  });

  test("of several, whose indices stand side by side", () => {
    const usage = measureUsage(Int32Array.of(0, 1, 1, 1, 0, 1, 1, 1), [2, 3]);
    expect([...usage.counts]).toEqual([2, 2, 0, 4, 0]);
    expect(usage.usedCodes).toBe(3);
    expect(usage.perplexity).toBeCloseTo(1.5, 12);
  });
});

test("uses in groups, whose indices stand one group after another", () => {
  // Two groups of two layers, of three vectors.
  const indices = Int32Array.of(0, 1, 0, 1, 0, 2, 1, 0, 1, 0, 1, 0);
  const counts = countCodes(indices, [2, 3, 2, 3], 2);
  expect([...counts]).toEqual([3, 0, 0, 2, 1, 0, 3, 3, 0, 0]);
});

test("codebook statistics", () => {
  const statistics = codebookStatistics(Float32Array.of(3, 4, 0, 0, 0, 2), 2);
  expect(statistics).toMatchObject({ codes: 3, codeDim: 2, norm: { min: 0, max: 5 } });
  expect(statistics.norm.mean).toBeCloseTo(7 / 3, 6);
  expect(statistics.spacing.min).toBe(2);
  expect(statistics.spacing.mean).toBeCloseTo((Math.sqrt(13) + 2 + 2) / 3, 6);
});
