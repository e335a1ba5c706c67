import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import sharp from "sharp";
import type { Images } from "vector-quantize/data";
import { Failure } from "../failure.ts";

export const imageEndings = [".png", ".jpg", ".jpeg", ".webp"];

/** How many images are decoded at once: sharp's own threads do the work. */
const concurrency = 16;

/** Paths of all images in a folder and the folders within it, in the order of their names. */
export async function listImages(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const named = entries.filter(({ name }) => imageEndings.includes(extname(name).toLowerCase()));
  const files = await Promise.all(named.map(isFile));
  const paths = named
    .filter((_, i) => files[i])
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
  if (paths.length === 0) {
    throw new Failure(
      `${folder}: expected at least one image (${imageEndings.join(", ")}), got none`,
    );
  }
  return paths;
}

/** Not a pipe or a device, which would be waited for; a link that leads nowhere is an error later. */
async function isFile(entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile();
  const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined);
  return found === undefined || found.isFile();
}

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

async function readImage(path: string, size: number, channels: 1 | 3): Promise<Uint8Array> {
  try {
    return await sharp(path)
      .autoOrient()
      .flatten({ background: "white" })
      .resize(size, size, { fit: "cover", position: "centre" })
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .raw()
      .toBuffer();
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new Failure(`${path}: expected a readable PNG, JPEG or WebP image, got ${why}`);
  }
}
