import { expect, it } from "vitest";
import { createMeter } from "./meter.ts";

const report = (step: number) => ({
  step,
  values: { loss: step, reconstruction: 0, commitment: 0, psnr: 0 },
  indices: Int32Array.of(0, 1),
});

it("gives means since the last line, and the rate over two lines", () => {
  const meter = createMeter([2], 10, 5);
  for (const step of [1, 2, 3, 4]) meter.add(report(step) as never);
  expect(meter.line(7)).toMatchObject({ step: 4, loss: 2.5, imagesPerSecond: 20 });
  for (const step of [5, 6]) meter.add(report(step) as never);
  expect(meter.line(8)).toMatchObject({ step: 6, loss: 5.5, imagesPerSecond: 20 });
  meter.add(report(7) as never); // the last step, read right after
  expect(meter.line(8.5)).toMatchObject({ step: 7, loss: 7, imagesPerSecond: 20 });
});
