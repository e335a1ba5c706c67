import type { Images } from "vector-quantize/data";
import { expect, test } from "vitest";
import { arrayData } from "./arrayData.ts";
import type { Settings } from "./settings.ts";

const [count, height, width] = [3, 6, 8];
/** Pixels that tell their image, row and column: 60 i + 8 y + x. */
const images: Images = {
  ...{ count, height, width, channels: 1 },
  pixels: Uint8Array.from({ length: count * height * width }, (_, at) => {
    const i = Math.floor(at / (height * width));
    return 60 * i + (at % (height * width));
  }),
};
const items = Uint32Array.of(0, 1, 2);
const data = (crop: number) => arrayData(images, { data: "x", crop } as Settings);
const bytes = async (crop: number, step: number) => {
  const x = await data(crop).batches(items, 3, 1)(step);
  expect(x.shape).toEqual(crop === 0 ? [3, height, width, 1] : [3, crop, crop, 1]);
  return Array.from((await x.data()) as Float32Array, (value) => Math.round((value + 1) * 127.5));
};

test("images come whole, or in squares of them that follow seed and step", async () => {
  const whole = await bytes(0, 0);
  expect([...whole].sort((a, b) => a - b)).toEqual([...images.pixels].sort((a, b) => a - b));
  const squares = await bytes(4, 5);
  expect(await bytes(4, 5)).toEqual(squares);
  expect(await bytes(4, 6)).not.toEqual(squares);
  for (let i = 0; i < 3; i++) {
    const [first = 0] = squares.slice(i * 16);
    const wanted = Array.from({ length: 16 }, (_, at) => first + width * (at >> 2) + (at & 3));
    expect(squares.slice(i * 16, (i + 1) * 16)).toEqual(wanted);
    expect((first % 60) % width).toBeLessThanOrEqual(width - 4);
  }
});

test("they are judged whole, or by their middles", async () => {
  expect((await data(0).images(Uint32Array.of(1))).pixels).toEqual(images.pixels.slice(48, 96));
  const middle = await data(4).images(Uint32Array.of(1));
  expect(middle).toMatchObject({ count: 1, height: 4, width: 4, channels: 1 });
  expect([...middle.pixels.subarray(0, 5)]).toEqual([70, 71, 72, 73, 78]); // row 1, column 2
});

test("a crop that is larger than they are is refused", () => {
  expect(() => data(7)).toThrow("--crop 7: expected at most 6, the side of the images in x");
});

test("parts of a batch are its rows, also where its squares are drawn", async () => {
  for (const crop of [0, 4]) {
    const whole = await bytes(crop, 5);
    const each = whole.length / 3;
    const x = await data(crop).batches(items, 3, 1, { from: 1, to: 3 })(5);
    expect(x.shape[0]).toBe(2);
    const part = Array.from((await x.data()) as Float32Array, (value) =>
      Math.round((value + 1) * 127.5),
    );
    expect(part).toEqual(whole.slice(each));
  }
});
