import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Picture } from "../input/imageFiles.ts";
import type { Photos } from "../input/photos.ts";
import { cropStream } from "./cropStream.ts";

const [width, height, crop] = [20, 14, 6];

/** A picture whose pixels tell their column, their row and which picture it is. */
function picture(item: number): Picture {
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    pixels.set([i % width, Math.floor(i / width), item], i * 3);
  }
  return { width, height, pixels };
}

/** Photos that are decoded within any time, in any order; some of them can't be. */
function photos(count: number, broken: readonly number[] = []): Photos & { decoded: number } {
  const made = {
    ...{ count, kept: false, decoded: 0 },
    paths: Array.from({ length: count }, (_, i) => `${i}.png`),
    sizes: Array.from({ length: count }, () => ({ width, height })),
    async decode(item: number) {
      made.decoded += 1;
      await setTimeout(Math.random() * 4);
      return broken.includes(item) ? undefined : picture(item);
    },
  };
  return made;
}

const streamOf = (from: Photos, seed = 3, flip = true) =>
  cropStream(from, {
    items: Uint32Array.from({ length: from.count }, (_, i) => i),
    ...{ crop, perVisit: 2, flip, seed, channels: 3 },
  });

async function crops(stream: ReturnType<typeof cropStream>, from: number, to: number) {
  const squares = new Uint8Array((to - from) * crop * crop * 3);
  for (let number = from; number < to; number++) await stream.copy(number, squares, number - from);
  stream.ahead(to);
  return squares;
}

test("crops follow the seed and their number, however long files take and whatever came before", async () => {
  const straight = await crops(streamOf(photos(70)), 0, 300);
  const size = crop * crop * 3;
  for (const [from, to] of [
    [0, 300],
    [100, 140],
    [255, 257],
  ] as const) {
    expect(await crops(streamOf(photos(70)), from, to)).toEqual(
      straight.subarray(from * size, to * size),
    );
  }
  expect(await crops(streamOf(photos(70), 4), 0, 20)).not.toEqual(straight.subarray(0, 20 * size));
});

test("crops are squares of the pictures, half of them turned, and all pictures come as often", async () => {
  const squares = await crops(streamOf(photos(8)), 0, 320);
  const seen = new Array<number>(8).fill(0);
  let turned = 0;
  for (let i = 0; i < 320; i++) {
    const at = (row: number, column: number) => {
      const from = ((i * crop + row) * crop + column) * 3;
      return [...squares.subarray(from, from + 3)];
    };
    const [x = 0, y = 0, item = 0] = at(0, 0);
    const step = (at(0, 1)[0] as number) - x;
    expect(Math.abs(step)).toBe(1);
    if (step < 0) turned += 1;
    expect(at(crop - 1, crop - 1)).toEqual([x + step * (crop - 1), y + crop - 1, item]);
    seen[item] = (seen[item] as number) + 1;
  }
  expect(seen).toEqual(new Array(8).fill(40));
  expect(turned).toBeGreaterThan(120);
  expect(turned).toBeLessThan(200);
  const straight = await crops(streamOf(photos(1), 0, false), 0, 4);
  expect((straight[3] as number) - (straight[0] as number)).toBe(1);
});

test("a picture is decoded once a visit, and a block ahead", async () => {
  const from = photos(100);
  await crops(streamOf(from), 0, 64);
  expect(from.decoded).toBe(128); // a block of 64, and the next one
});

test("others stand in for what can't be read", async () => {
  const items = new Set<number>();
  const squares = await crops(streamOf(photos(5, [1, 4])), 0, 20);
  for (let i = 2; i < squares.length; i += 3) items.add(squares[i] as number);
  expect([...items].sort()).toEqual([0, 2, 3]);
  const none = crops(streamOf(photos(2, [0, 1])), 0, 1);
  await expect(none).rejects.toThrow("expected a readable image among 2, got none");
});
