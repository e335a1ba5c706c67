import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename, relative, sep } from "node:path";
import type { Images } from "vector-quantize/data";
import type { ModelFile } from "../codec/modelFile.ts";
import type { NamedPicture } from "../codec/pictures.ts";
import { Failure } from "../failure.ts";
import { decodedNames } from "../output/decodedNames.ts";
import { builtIn, isNamedAs, listFolder } from "./folders.ts";
import { identityOf } from "./identity.ts";
import { decodeFile, sizeOfFile, withMend } from "./imageFiles.ts";
import { loadImages } from "./images.ts";

/** Options that choose pictures for a trained model. */
export interface PictureOptions {
  /** Crop and resize files to so many pixels a side; default: as they are. */
  readonly size?: number;
  /** How many images of the built-in set. */
  readonly images: number;
  readonly seed: number;
  /** Leave out files that can't be read; default: they are an error. */
  readonly skipUnreadable: boolean;
}

/** A picture, and what the file of its reconstruction is to be called. */
export interface PictureWithFile extends NamedPicture {
  readonly file: string;
}

/** Numbers of pictures, or of sounds. */
export interface Part {
  readonly from: number;
  readonly to: number;
}

/** Pictures that a user named, one after another. */
export interface PictureSet {
  readonly count: number;
  /** Files in the folder that are no pictures by their names. */
  readonly others: readonly string[];
  /** Which pictures these are, in their order: of files by names, sizes and times. */
  identity(): Promise<string>;
  /**
   * @param skipped is told of each that can't be read, where these are left out.
   * @param part numbers of those that are wanted. Default: all
   */
  pictures(skipped: (why: string) => void, part?: Part): AsyncGenerator<PictureWithFile>;
}

/** Far from the seeds that people choose, so that training never saw these shapes. */
const apart = 2 ** 40;
/** Files that are decoded ahead, and the most pixels of one that is. */
const ahead = 8;
const mostAhead = 2 ** 21;

/** Pictures that a model can take. Files are decoded as they are asked for, a few ahead. */
export async function openPictures(
  model: ModelFile,
  source: string,
  options: PictureOptions,
): Promise<PictureSet> {
  const { channels, height } = model.images;
  const found = source === builtIn ? undefined : await stat(source).catch(() => undefined);
  const isPicture = found?.isFile() && isNamedAs("pictures", source);
  if (found?.isDirectory() || isPicture) {
    const { files: images, others } = isPicture
      ? { files: [source], others: [] }
      : await listFolder(source, "pictures");
    const nameOf = (path: string) =>
      isPicture ? basename(path) : relative(source, path).split(sep).join("/");
    const own = channels === 1 ? 1 : 3;
    const names = images.map(nameOf);
    const files = decodedNames(names, "pictures");
    const named = images.map((path, i) => ({ path, name: names[i]!, file: files[i]! }));
    const pictures = (skipped: (why: string) => void, part?: Part) =>
      filePictures(named.slice(part?.from, part?.to), own, options, skipped);
    return { count: images.length, others, identity: () => identityOf(named), pictures };
  }
  const { size = height, images: count, seed } = options;
  const images = await loadImages(source, {
    ...{ size, channels: channels === 1 ? 1 : 3, shapes: { count, seed: apart + seed } },
  });
  if (images.channels !== channels) {
    throw new Failure(
      `${source}: expected images of ${channels} channel(s), as ${model.path} was trained on, got ${images.channels}`,
    );
  }
  return {
    ...{ count: images.count, others: [] },
    async identity() {
      const pixels = createHash("sha256").update(images.pixels).digest("hex");
      return JSON.stringify([images.count, images.height, images.width, pixels]);
    },
    pictures: (_, part) => arrayPictures(images, part),
  };
}

async function* arrayPictures(images: Images, part?: Part): AsyncGenerator<PictureWithFile> {
  const files = decodedNames(Array(images.count).fill(undefined), "pictures");
  const all = eachOf(images).map((picture, i) => ({ ...picture, file: files[i]! }));
  yield* all.slice(part?.from, part?.to);
}

/** Images one by one. Their pixels are those of all. */
export function eachOf({ count, height, width, channels, pixels }: Images): NamedPicture[] {
  const length = height * width * channels;
  return Array.from({ length: count }, (_, i) => {
    const own = pixels.subarray(i * length, (i + 1) * length);
    return { height, width, channels, pixels: own };
  });
}

interface NamedFile {
  readonly path: string;
  readonly name: string;
  readonly file: string;
}

async function* filePictures(
  named: readonly NamedFile[],
  channels: 1 | 3,
  { size, skipUnreadable }: PictureOptions,
  skipped: (why: string) => void,
): AsyncGenerator<PictureWithFile> {
  const decode = async ({ path, ...names }: NamedFile): Promise<PictureWithFile> => {
    const fit = size === undefined ? undefined : ({ fit: "cover", side: size } as const);
    return { ...(await decodeFile(path, channels, fit)), ...names, channels };
  };
  /** A picture, or for a large one how to get it once it is wanted. */
  const begin = async (own: NamedFile) => {
    const { width, height } = await sizeOfFile(own.path);
    if (width * height > mostAhead) return () => decode(own);
    const picture = await decode(own);
    return async () => picture;
  };
  const begun: ReturnType<typeof begin>[] = [];
  for (let i = 0; i < named.length; i++) {
    while (begun.length < ahead && i + begun.length < named.length) {
      const next = begin(named[i + begun.length] as NamedFile);
      next.catch(() => undefined); // told when it is its turn
      begun.push(next);
    }
    try {
      const picture = await (await (begun.shift() as ReturnType<typeof begin>))();
      yield picture;
    } catch (error) {
      if (!(skipUnreadable && error instanceof Failure)) throw withMend(error);
      skipped(error.message);
    }
  }
}

/** Runs of pictures of one size, so many together as `most` says. */
export async function* sameSizes<T>(
  pictures: AsyncIterable<T> | Iterable<T>,
  sizeOf: (picture: T) => string,
  most: (picture: T) => number,
): AsyncGenerator<[T, ...T[]]> {
  let run: T[] = [];
  for await (const picture of pictures) {
    const [first] = run;
    if (first !== undefined && sizeOf(first) !== sizeOf(picture)) {
      yield run as [T, ...T[]];
      run = [];
    }
    run.push(picture);
    if (run.length >= most(picture)) {
      yield run as [T, ...T[]];
      run = [];
    }
  }
  if (run.length > 0) yield run as [T, ...T[]];
}
