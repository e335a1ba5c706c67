import { expect, test } from "vitest";
import { hostRandom } from "./hostRandom.ts";
import { shapeImages } from "./shapes.ts";

test("an image depends on seed and number alone", () => {
  const many = shapeImages({ count: 8, seed: 5 });
  const few = shapeImages({ count: 3, seed: 5 });
  expect(few.pixels).toEqual(many.pixels.subarray(0, 3 * 32 * 32 * 3));
  expect(shapeImages({ count: 3, seed: 6 }).pixels).not.toEqual(few.pixels);
  expect(few).toMatchObject({ count: 3, height: 32, width: 32, channels: 3 });
});

test("the set is varied: values are spread, images and neighbouring pixels differ", () => {
  const { pixels: bytes, count } = shapeImages({ count: 200 });
  const pixels = Uint8Array.from(bytes);
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  const variance = pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels.length;
  expect(mean).toBeGreaterThan(70);
  expect(mean).toBeLessThan(150);
  expect(Math.sqrt(variance)).toBeGreaterThan(50);
  let steps = 0;
  for (let i = 3; i < pixels.length; i++) {
    steps += Math.abs((pixels[i] as number) - (pixels[i - 3] as number));
  }
  expect(steps / pixels.length).toBeGreaterThan(5);
  const images = new Set(
    Array.from({ length: count }, (_, i) => pixels.subarray(i * 3072, (i + 1) * 3072).join()),
  );
  expect(images.size).toBe(count);
});

test("the size can be chosen, and bad ones are refused", () => {
  expect(shapeImages({ count: 1, size: 48 }).pixels.length).toBe(48 * 48 * 3);
  expect(() => shapeImages({ count: 0 })).toThrow("shapeImages: count");
  expect(() => shapeImages({ count: 1, size: 2 })).toThrow("shapeImages: size");
  expect(() => shapeImages({ count: 9, size: 99_999 })).toThrow(
    "shapeImages: expected at most 4 GiB of pixels, got 9 x 99999 x 99999 x 3 bytes",
  );
});

test("the generator is uniform, and its streams differ", () => {
  const random = hostRandom(1, 2);
  const bins = new Float64Array(10);
  for (let i = 0; i < 20_000; i++) {
    const bin = random.below(10);
    bins[bin] = (bins[bin] as number) + 1;
  }
  for (const bin of bins) expect(Math.abs(bin - 2000)).toBeLessThan(200);
  const firsts = [[1], [2], [1, 0], [0, 1], [1, 1], [2 ** 32 + 1]].map((seeds) =>
    hostRandom(...seeds).uniform(),
  );
  expect(new Set(firsts).size).toBe(firsts.length);
});
