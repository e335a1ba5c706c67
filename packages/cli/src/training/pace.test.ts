import { tree } from "@jax-js/jax";
import { shapeImages } from "vector-quantize/data";
import { solo } from "vector-quantize/train";
import { afterEach, expect, test, vi } from "vitest";
import { arrayData } from "./arrayData.ts";
import { stepsWithin } from "./pace.ts";
import { quantizerConfig } from "./quantizer.ts";
import { startRun } from "./run.ts";
import { defaultSettings, type Settings } from "./settings.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

test("steps are measured for a fiftieth of the time, which is part of it", async () => {
  const settings: Settings = {
    ...{ data: "shapes", ...defaultSettings, patch: 4, width: 4, depth: 0, batch: 2 },
    quantizer: quantizerConfig("vectorQuantize", { dim: 4, codebookSize: 4 }, false),
  };
  const data = arrayData(shapeImages({ count: 4, size: 8 }), settings);
  const items = Uint32Array.of(0, 1, 2, 3);
  const run = await startRun(settings, data, items);
  // A clock that goes on by half a second with every batch.
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  const slow = {
    ...data,
    batches(...args: Parameters<typeof data.batches>) {
      const batch = data.batches(...args);
      return (step: number) => {
        now += 500;
        return batch(step);
      };
    },
  };
  const steps = await stepsWithin(600, run, slow, items, solo());
  expect(now / 1000).toBeGreaterThanOrEqual(12);
  expect(now / 1000).toBeLessThan(16);
  expect(steps).toBeGreaterThan(1100);
  expect(steps).toBeLessThan(1250);
  tree.dispose(run.state as never);
});
