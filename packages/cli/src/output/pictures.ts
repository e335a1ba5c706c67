import sharp from "sharp";
import type { Images } from "vector-quantize/data";
import { writeFileSafely } from "./files.ts";

/** Height, width and channels of an image. */
export type PictureSize = Pick<Images, "height" | "width" | "channels">;

/** One image of bytes as PNG. */
export async function encodePng(
  pixels: Uint8Array,
  { height, width, channels }: PictureSize,
): Promise<Uint8Array> {
  return sharp(pixels, { raw: { height, width, channels: channels as 1 | 3 } })
    .png()
    .toBuffer();
}

/** One image of bytes as WebP without loss: smaller than PNG. */
export async function encodeWebp(
  pixels: Uint8Array,
  { height, width, channels }: PictureSize,
): Promise<Uint8Array> {
  return sharp(pixels, { raw: { height, width, channels: channels as 1 | 3 } })
    .webp({ lossless: true, effort: 2 })
    .toBuffer();
}

/** Writes a picture of bytes as PNG. */
export async function writePicture(
  path: string,
  { pixels, ...size }: PictureSize & { readonly pixels: Uint8Array },
): Promise<void> {
  await writeFileSafely(path, await encodePng(pixels, size), false);
}

/**
 * Pairs of images as one picture: originals in rows, each with its reconstructions in the row below.
 *
 * @returns PNG, every pixel drawn `scale` x `scale`.
 */
export async function pairMosaic(
  originals: Uint8Array,
  reconstructions: Uint8Array,
  size: PictureSize,
  { columns = 12, scale = 3, gap = 2 } = {},
): Promise<Uint8Array> {
  const { height, width, channels } = size;
  const length = height * width * channels;
  const count = originals.length / length;
  const across = Math.min(columns, count);
  const pairRows = Math.ceil(count / across);
  const total = {
    width: across * (width + gap) + gap,
    height: pairRows * (2 * height + gap) + gap,
    channels,
  };
  const pixels = new Uint8Array(total.width * total.height * channels).fill(255);
  for (let i = 0; i < count; i++) {
    const left = gap + (i % across) * (width + gap);
    const top = gap + Math.floor(i / across) * (2 * height + gap);
    for (const [picture, y] of [
      [originals, top],
      [reconstructions, top + height],
    ] as const) {
      for (let row = 0; row < height; row++) {
        const from = i * length + row * width * channels;
        const to = ((y + row) * total.width + left) * channels;
        pixels.set(picture.subarray(from, from + width * channels), to);
      }
    }
  }
  return sharp(pixels, { raw: { ...total, channels: channels as 1 | 3 } })
    .resize(total.width * scale, total.height * scale, { kernel: "nearest" })
    .png()
    .toBuffer();
}
