import { stat } from "node:fs/promises";
import {
  type Images,
  imagesFromArray,
  parseIdx,
  parseNpy,
  shapeImages,
} from "vector-quantize/data";
import { Failure } from "../failure.ts";
import { readInput } from "../output/files.ts";
import { builtIn, isNamedAs, listFolder } from "./folders.ts";
import { isGzip, unpackArray } from "./gzip.ts";
import { readImages } from "./imageFiles.ts";

export interface ImageRequest {
  /** Height and width for image files and the built-in set; arrays keep theirs. */
  readonly size: number;
  /** Channels for image files. */
  readonly channels: 1 | 3;
  /** How many images of the built-in set, and which. */
  readonly shapes: { readonly count: number; readonly seed: number };
}

/**
 * Images from what the user names: a folder of images or one image, an IDX file (plain or gzipped),
 * a .npy file, or the word for the built-in set.
 */
export async function loadImages(source: string, request: ImageRequest): Promise<Images> {
  if (source === builtIn) return shapeImages({ ...request.shapes, size: request.size });
  const found = await stat(source).catch(() => undefined);
  if (found === undefined) {
    throw new Failure(
      `${source}: expected a folder of images, an image, an IDX file, a .npy file or the word ` +
        `"${builtIn}", got no such file or folder`,
    );
  }
  if (found.isDirectory()) {
    const { files } = await listFolder(source, "pictures");
    return readImages(files, request.size, request.channels);
  }
  if (found.isFile() && isNamedAs("pictures", source)) {
    return readImages([source], request.size, request.channels);
  }
  return readArray(source);
}

/** Throws unless a model that makes one code of `patch` x `patch` pixels can take them. */
export function checkSides(
  source: string,
  { height, width }: Pick<Images, "height" | "width">,
  patch: number,
): void {
  if (height % patch === 0 && width % patch === 0) return;
  throw new Failure(
    `${source}: expected images whose sides are multiples of ${patch} (--patch), got ${width} x ${height}`,
  );
}

async function readArray(path: string): Promise<Images> {
  const read = await readInput(path);
  const bytes = isGzip(read) ? await unpackArray(read, path) : read;
  if (bytes[0] === 0x93) return imagesFromArray(parseNpy(bytes, path), path);
  if (bytes[0] === 0) return imagesFromArray(parseIdx(bytes, path), path);
  throw new Failure(`${path}: expected an image, an IDX file or a .npy file, got another kind`);
}
