import { expect, test } from "vitest";
import { imagesFromArray, toBytes, toFloats } from "./images.ts";

test("bytes survive the way to floats and back", () => {
  const data = Uint8Array.from({ length: 256 }, (_, i) => i);
  const images = imagesFromArray({ shape: [4, 8, 8], data }, "x");
  expect(images).toMatchObject({ count: 4, height: 8, width: 8, channels: 1 });
  const floats = toFloats(images, [0, 1, 2, 3]);
  expect(floats[0]).toBe(-1);
  expect(floats[255]).toBe(1);
  expect(toBytes(floats)).toEqual(data);
});

test("images are gathered in the order asked for", () => {
  const data = Uint8Array.of(0, 255, 51);
  const images = imagesFromArray({ shape: [3, 1, 1, 1], data }, "x");
  expect([...toFloats(images, [2, 0, 2])].map((value) => value.toFixed(5))).toEqual([
    "-0.60000",
    "-1.00000",
    "-0.60000",
  ]);
});

test("floats from 0 to 1 become floats from -1 to 1", () => {
  const data = Float64Array.of(0, 0.5, 1);
  const images = imagesFromArray({ shape: [1, 1, 1, 3], data }, "x");
  expect(toFloats(images, [0])).toEqual(Float32Array.of(-1, 0, 1));
});

test("what lies outside is clamped to bytes", () => {
  expect(toBytes([-1.2, 1.2, 0])).toEqual(Uint8Array.of(0, 255, 128));
});

test.each([
  [[4], new Uint8Array(4), "x: shape: expected [N, H, W] or [N, H, W, C] (3 or 4 axes), got [4]"],
  [[1, 1, 2, 2], new Uint8Array(4), "1 or 3 channels in the last axis"],
  [[1, 3, 2, 2], new Uint8Array(12), "Move the channels to the last axis"],
  [
    [0, 2, 2],
    new Uint8Array(0),
    "x: shape: expected at least one image with pixels, got [0, 2, 2]",
  ],
  [[2, 1, 1], Float32Array.of(0, Number.NaN), "x: image 1: expected finite values, got NaN"],
  [[1, 1, 1], Float32Array.of(Number.NEGATIVE_INFINITY), "got -Infinity"],
  [[2, 1, 1], Float32Array.of(0, 1.5), "x: image 1: expected floats from 0 to 1, got 1.5"],
  [[1, 1, 1], Int32Array.of(-1), "x: image 0: expected integers from 0 to 255, got -1"],
  [[1, 1, 1], Int32Array.of(256), "x: image 0: expected integers from 0 to 255, got 256"],
])("array %j is refused", (shape, data, message) => {
  expect(() => imagesFromArray({ shape, data }, "x")).toThrow(message);
});

test.each([
  [[2, 2, 2], new Uint8Array(4), "x: expected 8 numbers for shape [2,2,2], got 4"],
  [[1, 1, 2], [0.5, 1], "x: image 0: expected integers from 0 to 255, got 0.5. Hand floats over"],
])("numbers of shape %j that would be lost are refused", (shape, data, message) => {
  expect(() => imagesFromArray({ shape, data }, "x")).toThrow(message);
});

test.each([-1, 2, 0.5])("there is no image number %d of two", (index) => {
  const images = imagesFromArray({ shape: [2, 1, 1], data: new Uint8Array(2) }, "x");
  expect(() => toFloats(images, [0, index])).toThrow(
    `toFloats: indices: expected integers from 0 to 1, got ${index}`,
  );
});
