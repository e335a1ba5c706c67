import { expect, it } from "vitest";
import { createMeter, noSteps } from "./meter.ts";

const report = (step: number) => ({
  step,
  values: { loss: step, reconstruction: 0, commitment: 0, psnr: 0 },
  indices: Int32Array.of(0, 1),
});

it("gives means since the last line, and the rate over two lines", () => {
  const meter = createMeter([2], 10, 0, { ...noSteps, before: { began: 5, ended: 5, steps: 0 } });
  for (const step of [1, 2, 3, 4]) meter.add(report(step) as never);
  expect(meter.line(7)).toMatchObject({ step: 4, loss: 2.5, imagesPerSecond: 20 });
  for (const step of [5, 6]) meter.add(report(step) as never);
  expect(meter.line(8)).toMatchObject({ step: 6, loss: 5.5, imagesPerSecond: 20 });
  meter.add(report(7) as never); // the last step, read right after
  expect(meter.line(8.5)).toMatchObject({ step: 7, loss: 7, imagesPerSecond: 20 });
});

it("goes on from its state, as if nothing had been between", () => {
  const straight = createMeter([2, 2], 10, 0);
  let parted = createMeter([2, 2], 10, 0);
  for (let step = 1; step <= 9; step++) {
    const indices = Int32Array.of(step % 2, 0, 1, step % 3 === 0 ? 1 : 0);
    const values = { loss: 0.1 * step, reconstruction: 1 / step, commitment: 0, psnr: step };
    for (const meter of [straight, parted]) meter.add({ step, values, indices });
    if (step % 4 === 0) expect(parted.line(step)).toEqual(straight.line(step));
    parted = createMeter([2, 2], 10, 0, JSON.parse(JSON.stringify(parted.state)));
  }
  expect(parted.line(9)).toEqual(straight.line(9));
});
