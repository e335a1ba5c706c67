import { numpy as np } from "@jax-js/jax";
import { expect, test } from "vitest";
import { meanSquaredError, psnr, psnrInGraph } from "./distortion.ts";
import { meanInGraph } from "./mean.ts";
import { bitsPerPixel, entropyBitsPerPixel } from "./rate.ts";
import { codeCounts, codeEntropy, perplexity, usedCodes } from "./usage.ts";

test("mean squared error", () => {
  expect(meanSquaredError([1, 2, 3, 4], [1, 0, 3, 7])).toBe(13 / 4);
  expect(() => meanSquaredError([1], [])).toThrow("got [1, 0]");
});

test("psnr of bytes off by one is 20 log10 255", () => {
  expect(psnr(1, 255)).toBeCloseTo(48.1308036, 6);
  expect(psnr(0, 2)).toBe(Number.POSITIVE_INFINITY);
});

test("psnr in the graph: errors of 0.02 in a range of 2 are 40 dB", async () => {
  const target = [0.1, -0.5, 0.9, 0];
  const output = np.array(target.map((v, i) => v + (i % 2 ? 0.02 : -0.02)));
  expect((await psnrInGraph(output, np.array(target), 2).data())[0]).toBeCloseTo(40, 4);
});

test("a mean over a batch of images keeps its digits", async () => {
  // Values of one size, as errors on a plain background are: added one by one they drift.
  const values = Float32Array.from({ length: 256 * 28 * 28 }, (_, i) => 0.9957 + 1e-4 * (i % 7));
  const exact = values.reduce((sum, v) => sum + v, 0) / values.length;
  const mean = meanInGraph(np.array(values, { shape: [256, 28, 28, 1] }));
  expect(Math.abs(((await mean.data())[0] as number) / exact - 1)).toBeLessThan(1e-5);
  expect((await meanInGraph(np.array([1, 2, 6])).data())[0]).toBe(3);
});

test("counts codes, and masked positions for none", () => {
  expect([...codeCounts(Int32Array.of(3, 0, -1, 3, -1), 4)]).toEqual([1, 0, 0, 2]);
  expect(() => codeCounts([4], 4)).toThrow("codeCounts: indices: expected below 4, got 4");
  expect(() => codeCounts([1.5], 4)).toThrow("codeCounts: indices: expected integers, got 1.5");
});

test("counts 2^22 codes, and says where it ends", () => {
  const K = 2 ** 22;
  const counts = codeCounts(Int32Array.of(K - 1, 0, K - 1, 7, 7, K - 1, K - 1, 7, 7), K);
  expect([usedCodes(counts), counts[K - 1]]).toEqual([3, 4]);
  const even = new Float64Array(K).fill(3);
  expect(codeEntropy(even)).toBeCloseTo(22, 9);
  expect(bitsPerPixel([2 ** 31, K], 1, 1)).toBe(53); // an index of 53 bits, in two words
  expect(() => codeCounts([0], 2 ** 31)).toThrow(
    "codeCounts: codebookSize: expected at most 2^27, got 2147483648",
  );
});

test("usage of codes", () => {
  const counts = [2, 1, 1, 0]; // entropy 1/2 * 1 + 2 * 1/4 * 2 = 1.5 bits
  expect(usedCodes(counts)).toBe(3);
  expect(codeEntropy(counts)).toBeCloseTo(1.5, 12);
  expect(perplexity(counts)).toBeCloseTo(2 ** 1.5, 12);
  expect(perplexity([5, 5, 5, 5])).toBeCloseTo(4, 12);
  expect(codeEntropy([0, 0])).toBe(0);
});

test("bits per pixel", () => {
  // 64 vectors of 10 bits for 32 x 32 pixels
  expect(bitsPerPixel([1024], 64, 1024)).toBeCloseTo(0.625, 12);
  expect(bitsPerPixel([256, 16], 49, 784)).toBeCloseTo((49 * 12) / 784, 12);
  expect(entropyBitsPerPixel([1.5, 2.5], 64, 1024)).toBeCloseTo(0.25, 12);
});

test("arrays of jax-js and what is no number are refused", () => {
  const array = np.zeros([3]) as unknown as number[];
  const mend =
    "expected a list of numbers or a typed array, got float32 [3]. Read the array: await array.data()";
  expect(() => codeCounts(array, 4)).toThrow(`codeCounts: indices: ${mend}`);
  expect(() => codeEntropy(array)).toThrow(`codeEntropy: counts: ${mend}`);
  expect(() => usedCodes(array)).toThrow(`usedCodes: counts: ${mend}`);
  expect(() => meanSquaredError(array, array)).toThrow(`meanSquaredError: a: ${mend}`);
  expect(() => bitsPerPixel(512 as never, 1, 1)).toThrow(
    "bitsPerPixel: codebookSizes: expected a list",
  );
  expect(() => bitsPerPixel([Number.NaN], 1, 1)).toThrow("bitsPerPixel: codebookSizes");
  expect(() => entropyBitsPerPixel([Number.NaN], 1, 1)).toThrow(
    "entropies: expected a finite number",
  );
  expect(() => codeCounts([0.5], 4)).toThrow("codeCounts: indices: expected integers, got 0.5");
  expect(() => codeEntropy([1, Number.NaN])).toThrow(
    "codeEntropy: counts: expected a finite number",
  );
});
