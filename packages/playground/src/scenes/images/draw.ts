import { codeColor, type Palette } from "../../drawing/colors.ts";
import type { Area, Pen } from "../../drawing/pen.ts";
import { type ShownPictures, side } from "./contract.ts";

type Rgba = Uint8ClampedArray<ArrayBuffer>;

const pictureSize = side * side * 3;

/** A part of a picture in the pixels of a canvas. */
function rgbaOf(pixels: Uint8Array, x: number, y: number, wide: number, high: number): Rgba {
  const rgba = new Uint8ClampedArray(4 * wide * high).fill(255);
  for (let row = 0; row < high; row++) {
    for (let column = 0; column < wide; column++) {
      const from = 3 * ((y + row) * side + x + column);
      const to = 4 * (row * wide + column);
      for (let c = 0; c < 3; c++) rgba[to + c] = pixels[from + c] as number;
    }
  }
  return rgba;
}

/** One of several pictures, over the whole of the pen. */
export function drawPicture(pen: Pen, pixels: Uint8Array, number: number, area?: Area): void {
  const own = pixels.subarray(number * pictureSize, (number + 1) * pictureSize);
  const whole = area ?? { x: 0, y: 0, width: pen.width, height: pen.height };
  pen.image(rgbaOf(own, 0, 0, side, side), side, whole, true);
}

/** Original and reconstruction beside each other. */
export function drawPair(pen: Pen, { originals, outputs }: ShownPictures, number: number): void {
  const half = { x: 0, y: 0, width: pen.width / 2, height: pen.height };
  drawPicture(pen, originals, number, half);
  drawPicture(pen, outputs, number, { ...half, x: half.width });
}

/** How many codes a picture has on a side. */
export const acrossOf = ({ originals, codes, layers }: ShownPictures): number =>
  layers > 0 ? Math.sqrt(codes.length / layers / (originals.length / pictureSize)) : 0;

/** The codes of the first layer of a picture. */
export function codesAt(shown: ShownPictures, number: number): Int32Array {
  const { codes, layers } = shown;
  const count = acrossOf(shown) ** 2;
  const from = number * count * layers;
  return codes.subarray(from, from + count * layers).filter((_, i) => i % layers === 0);
}

/** The codes of a picture as colours; all places of `chosen` stand out. */
export function drawCodeMap(
  pen: Pen,
  { dark, ink }: Palette,
  shown: ShownPictures,
  number: number,
  chosen: number | undefined,
): void {
  const across = acrossOf(shown);
  if (across === 0) return;
  const codes = codesAt(shown, number);
  const rgba = new Uint8ClampedArray(4 * codes.length);
  for (const [i, code] of codes.entries()) {
    const opacity = chosen === undefined || chosen === code ? 255 : 70;
    rgba.set([...codeColor(code, dark), opacity], 4 * i);
  }
  pen.image(rgba, across, { x: 0, y: 0, width: pen.width, height: pen.height }, true);
  const cell = pen.width / across;
  for (const [i, code] of codes.entries()) {
    if (code !== chosen) continue;
    const [x, y] = [(i % across) * cell, Math.floor(i / across) * cell];
    pen.path([x, y, x + cell, y, x + cell, y + cell, x, y + cell], { stroke: ink, width: 2 }, true);
  }
}

/** A place of a picture that has some code. */
interface Place {
  readonly picture: number;
  readonly x: number;
  readonly y: number;
}

/** Where a code is used, in all pictures. */
export function placesOf(shown: ShownPictures, code: number): Place[] {
  const across = acrossOf(shown);
  const patch = side / across;
  const places: Place[] = [];
  for (let picture = 0; picture < shown.originals.length / pictureSize; picture++) {
    for (const [i, each] of codesAt(shown, picture).entries()) {
      if (each !== code) continue;
      places.push({ picture, x: (i % across) * patch, y: Math.floor(i / across) * patch });
    }
  }
  return places;
}

const columns = 12;

/** How much room `drawPatches` needs, height by width. */
export const patchesRatio = (count: number): number =>
  Math.max(1, Math.ceil(count / columns)) / columns;

/** What the originals show at these places. */
export function drawPatches(pen: Pen, shown: ShownPictures, places: readonly Place[]): void {
  const patch = side / acrossOf(shown);
  const cell = pen.width / columns;
  for (const [i, { picture, x, y }] of places.entries()) {
    const own = shown.originals.subarray(picture * pictureSize, (picture + 1) * pictureSize);
    const area = {
      x: (i % columns) * cell + 1,
      y: Math.floor(i / columns) * cell + 1,
      width: cell - 2,
      height: cell - 2,
    };
    pen.image(rgbaOf(own, x, y, patch, patch), patch, area, true);
  }
}
