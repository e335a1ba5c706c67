import { setImmediate } from "node:timers/promises";
import sharp from "sharp";
import type { Images } from "vector-quantize/data";
import { Failure } from "../failure.ts";

/** How many images are decoded at once: sharp's own threads do the work. */
const concurrency = 16;

/**
 * Decodes images: centre crop to a square, resized to `size` x `size`, in `channels` channels.
 *
 * Transparency is laid on white.
 */
export async function readImages(
  paths: readonly string[],
  size: number,
  channels: 1 | 3,
): Promise<Images> {
  const bytes = size * size * channels;
  const pixels = new Uint8Array(paths.length * bytes);
  const queue = paths.entries();
  const work = Array.from({ length: concurrency }, async () => {
    for (const [i, path] of queue) {
      pixels.set(await readImage(path, size, channels), i * bytes);
      await setImmediate(); // lets Ctrl-C through
    }
  });
  await Promise.all(work);
  return { count: paths.length, height: size, width: size, channels, pixels };
}

const readImage = async (path: string, size: number, channels: 1 | 3): Promise<Uint8Array> =>
  (await decodeFile(path, channels, { fit: "cover", side: size })).pixels;

/** A picture of bytes, channels last. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** How a picture is brought to a size: cut to a square, or so large that no side is shorter. */
export interface Fit {
  readonly fit: "cover" | "outside";
  readonly side: number;
}

/** Decodes a file as people see it: turned by its EXIF data, transparency on white, 8 bits. */
export async function decodeFile(path: string, channels: 1 | 3, fit?: Fit): Promise<Picture> {
  return readable(path, async () => {
    const upright = sharp(path).autoOrient().flatten({ background: "white" });
    const sized = fit
      ? upright.resize(fit.side, fit.side, { fit: fit.fit, position: "centre" })
      : upright;
    const { data, info } = await sized
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, pixels: data };
  });
}

/** Width and height of a file's picture as people see it, by its header. */
export async function sizeOfFile(path: string): Promise<{ width: number; height: number }> {
  return readable(path, async () => (await sharp(path).metadata()).autoOrient);
}

/** What the error of an unreadable file adds where such files could be left out. */
export function withMend(error: unknown): unknown {
  if (!(error instanceof Failure)) return error;
  return new Failure(`${error.message}. Leave such files out by --skip-unreadable`);
}

async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const kinds = "PNG, JPEG, WebP, GIF, TIFF or AVIF";
    throw new Failure(`${path}: expected a readable ${kinds} image, got ${reasonOf(error)}`);
  }
}

/** The last line of sharp's message: what its other threads have said about other files stands before it. */
export function reasonOf(error: unknown): string | undefined {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split("\n").at(-1);
}
