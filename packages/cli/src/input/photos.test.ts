import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../../../test/support/vq.ts";
import { listFolder } from "./folders.ts";
import { openPhotos } from "./photos.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
afterAll(() => folder[Symbol.dispose]());

const [width, height] = [24, 16];
/** Red left, blue right. */
const halves = (channels: 3 | 4 = 3) => {
  const pixels = Buffer.alloc(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    pixels.set(i % width < width / 2 ? [255, 0, 0] : [0, 0, 255], i * channels);
    if (channels === 4) pixels[i * 4 + 3] = i % width < width / 2 ? 255 : 0;
  }
  return sharp(pixels, { raw: { width, height, channels } });
};
const grey16 = () =>
  sharp(new Uint16Array(width * height).fill(0x8000), { raw: { width, height, channels: 1 } });

beforeAll(async () => {
  mkdirSync(at("deep"));
  await halves().gif().toFile(at("a.gif"));
  await halves().tiff().toFile(at("b.TIFF"));
  await halves().avif({ lossless: true }).toFile(at("c.avif"));
  await halves().webp({ lossless: true }).toFile(at("d.webp"));
  await halves(4).png().toFile(at("e.png")); // blue is transparent
  await halves()
    .jpeg({ quality: 100 })
    .withMetadata({ orientation: 6 })
    .toFile(at("deep", "f.jpg"));
  await grey16().toColourspace("grey16").png().toFile(at("deep", "g.png"));
  await halves().toColourspace("cmyk").jpeg({ quality: 100 }).toFile(at("h.jpeg"));
  writeFileSync(at("notes.txt"), "");
  writeFileSync(at(".hidden"), "");
});

test("all that can be shown is read as people see it", async () => {
  const { files: images, others } = await listFolder(folder.path, "pictures");
  expect(others).toEqual([at("notes.txt")]);
  const names = images.map((path) => basename(path));
  expect(names).toEqual([
    "a.gif",
    "b.TIFF",
    "c.avif",
    "d.webp",
    "f.jpg",
    "g.png",
    "e.png",
    "h.jpeg",
  ]);
  const photos = await openPhotos(images, { channels: 3, fit: () => undefined });
  for (const [i, name] of names.entries()) {
    const picture = await photos.decode(i);
    if (!picture) throw new Error(name);
    const turned = name === "f.jpg";
    const sides = turned ? [height, width] : [width, height];
    expect([picture.width, picture.height], name).toEqual(sides);
    expect(photos.sizes[i], name).toEqual({ width: sides[0], height: sides[1] });
    const pixel = (x: number, y: number) => {
      const from = (y * picture.width + x) * 3;
      return [...picture.pixels.subarray(from, from + 3)];
    };
    const [first, last] = [pixel(1, 1), pixel(picture.width - 2, picture.height - 2)];
    const wanted =
      name === "g.png"
        ? [
            [128, 128, 128],
            [128, 128, 128],
          ]
        : [[255, 0, 0], name === "e.png" ? [255, 255, 255] : [0, 0, 255]];
    const most = name === "h.jpeg" ? 130 : 8; // CMYK has no such blue
    for (const [got, want] of [
      [first, wanted[0]],
      [last, wanted[1]],
    ] as const) {
      got.forEach((value, c) => {
        expect(Math.abs(value - ((want as number[])[c] as number)), `${name} ${got}`).toBeLessThan(
          most,
        );
      });
    }
  }
});

test("small ones are enlarged, and squares cut out of all if that is asked for", async () => {
  const outside = { channels: 3, fit: () => ({ fit: "outside", side: 32 }) as const } as const;
  const large = await openPhotos([at("a.gif")], outside);
  expect(large.sizes).toEqual([{ width: 48, height: 32 }]);
  expect(await large.decode(0)).toMatchObject({ width: 48, height: 32 });
  const fit = () => ({ fit: "cover", side: 8 }) as const;
  const cut = await openPhotos([at("a.gif")], { channels: 3, fit });
  expect(await cut.decode(0)).toMatchObject({ width: 8, height: 8 });
});

test("what can't be read is an error that names it, or left out", async () => {
  const jpeg = await sharp({ create: { width: 64, height: 64, channels: 3, background: "red" } })
    .jpeg()
    .toBuffer();
  mkdirSync(at("bad"));
  writeFileSync(at("bad", "half.jpg"), jpeg.subarray(0, jpeg.length / 2));
  writeFileSync(at("bad", "text.png"), "no picture");
  const paths = [at("bad", "half.jpg"), at("a.gif"), at("bad", "text.png")];
  const options = { channels: 3, fit: () => undefined } as const;
  await expect(openPhotos(paths, options)).rejects.toThrow(
    /(half\.jpg|text\.png): expected a readable PNG/,
  );
  const skipped: string[] = [];
  const skip = ({ message }: Error) => void skipped.push(message.split(":")[0] as string);
  const photos = await openPhotos(paths, { ...options, skip });
  expect(photos.count).toBe(1);
  expect(skipped.sort()).toEqual([paths[0], paths[2]]);
});
