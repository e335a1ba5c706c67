import sharp from "sharp";
import type { CodebookPatches } from "../codec/codebookPatches.ts";

/** Codes in a row, pixels between them, and the least side of one. */
const columns = 32;
const gap = 2;
const least = 24;
/** How opaque a code is that was not used, out of 255. */
const faint = 70;

/**
 * Codes as patches side by side, row by row, on a transparent ground.
 *
 * @param used how many are drawn opaque, the first ones
 * @returns PNG, every pixel of a patch drawn several times.
 */
export async function codebookPicture(
  { patches, patch, channels }: CodebookPatches,
  used: number,
): Promise<Uint8Array> {
  const scale = Math.ceil(least / patch);
  const cell = patch * scale + gap;
  const across = Math.min(columns, patches.length);
  const [width, height] = [across * cell - gap, Math.ceil(patches.length / across) * cell - gap];
  const pixels = new Uint8Array(width * height * 4);
  for (const [i, own] of patches.entries()) {
    const [left, top] = [(i % across) * cell, Math.floor(i / across) * cell];
    for (let y = 0; y < patch * scale; y++) {
      for (let x = 0; x < patch * scale; x++) {
        const from = (Math.floor(y / scale) * patch + Math.floor(x / scale)) * channels;
        const to = ((top + y) * width + left + x) * 4;
        for (let c = 0; c < 3; c++) pixels[to + c] = own[from + (c % channels)] as number;
        pixels[to + 3] = i < used ? 255 : faint;
      }
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer();
}
