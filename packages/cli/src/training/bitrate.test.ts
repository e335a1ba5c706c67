import { expect, test } from "vitest";
import { chooseByBitrate } from "./bitrate.ts";

test.each([
  [4000, 8000, [4, 4, 5], { numQuantizers: 5, codebookSize: 256 }],
  [6000, 8000, [4, 4, 5], { numQuantizers: 8, codebookSize: 181 }],
  [6000, 24000, [5, 6, 8], { numQuantizers: 8, codebookSize: 181 }],
  [600, 16000, [5, 8, 8], { numQuantizers: 2, codebookSize: 64 }],
])("%s bits a second at %s Hz", (bitrate, rate, strides, options) => {
  expect(chooseByBitrate(bitrate, rate)).toMatchObject({ settings: { strides }, options });
});

test("what is chosen is near to what was wanted, at any rate", () => {
  for (const sampleRate of [8000, 11025, 16000, 22050, 24000, 44100, 48000]) {
    for (let bitrate = 200; bitrate <= 38400; bitrate *= 1.13) {
      const { settings, options } = chooseByBitrate(bitrate, sampleRate);
      const hop = settings.strides.reduce((product, stride) => product * stride, 1);
      const bits = (options.numQuantizers as number) * Math.log2(options.codebookSize as number);
      const reached = (bits * sampleRate) / hop;
      expect(Math.abs(reached / bitrate - 1), `${bitrate} at ${sampleRate}`).toBeLessThan(0.06);
    }
  }
});

test.each([199, 40000, Number.NaN])("%s bits a second are refused", (bitrate) => {
  expect(() => chooseByBitrate(bitrate, 8000)).toThrow("--bitrate: expected 200 to 38400 bits");
});
