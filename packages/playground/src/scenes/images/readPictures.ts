import { type OwnPictures, side } from "./contract.ts";

/** Pictures are made this small on their shorter side before they are cut. */
const shortSide = 128;
const mostTiles = 2000;

/** Cuts picture files into squares of `side` pixels: training wants many small ones. */
export async function readPictures(files: readonly File[]): Promise<OwnPictures> {
  const tiles: Uint8Array[] = [];
  for (const file of files) {
    if (tiles.length >= mostTiles) break;
    const bitmap = await createImageBitmap(file).catch(() => undefined);
    if (!bitmap) throw new Error(`${file.name}: expected a picture that this browser can read.`);
    tiles.push(...cut(bitmap));
    bitmap.close();
  }
  const used = tiles.slice(0, mostTiles);
  const pixels = new Uint8Array(used.length * side * side * 3);
  for (const [i, tile] of used.entries()) pixels.set(tile, i * tile.length);
  return { count: used.length, pixels };
}

function cut(bitmap: ImageBitmap): Uint8Array[] {
  const scale = Math.min(1, shortSide / Math.min(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((length) =>
    Math.max(side, Math.round(length * scale)),
  ) as [number, number];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
  context.drawImage(bitmap, 0, 0, width, height);
  const tiles: Uint8Array[] = [];
  for (let y = 0; y + side <= height; y += side) {
    for (let x = 0; x + side <= width; x += side) {
      const { data } = context.getImageData(x, y, side, side);
      tiles.push(
        Uint8Array.from(
          { length: side * side * 3 },
          (_, i) => data[4 * Math.floor(i / 3) + (i % 3)] as number,
        ),
      );
    }
  }
  return tiles;
}
