import { expect, test } from "vitest";
import { chooseByRate } from "./rate.ts";

test.each([
  [0.5, 4, "vectorQuantize", { codebookSize: 256 }],
  [2, 2, "vectorQuantize", { codebookSize: 256 }],
  [0.25, 8, "residualVQ", { codebookSize: 256, numQuantizers: 2, dim: 16 }],
  [1, 4, "residualVQ", { codebookSize: 256, numQuantizers: 2, dim: 16 }],
  [0.1, 8, "vectorQuantize", { codebookSize: 64 }],
])("%s bits a pixel", (rate, patch, type, options) => {
  expect(chooseByRate(rate)).toMatchObject({ settings: { patch }, type, options });
});

test("what is chosen is near to what was wanted, at any rate", () => {
  for (let rate = 0.006; rate <= 16; rate *= 1.07) {
    const { settings, options } = chooseByRate(rate);
    const { codebookSize = 0, numQuantizers = 1 } = options;
    const reached = (numQuantizers * Math.log2(codebookSize)) / settings.patch ** 2;
    expect(Math.abs(reached / rate - 1), `${rate}`).toBeLessThan(0.09);
  }
});

test.each([0.005, 17, 0])("%s bits a pixel are refused", (rate) => {
  expect(() => chooseByRate(rate)).toThrow(`--bits-per-pixel: expected 0.0059 to 16, got ${rate}`);
});
