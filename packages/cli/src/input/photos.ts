import { setImmediate } from "node:timers/promises";
import { decodeFile, type Fit, type Picture, sizeOfFile, withMend } from "./imageFiles.ts";

/** Files of pictures of any size, decoded when they are asked for. */
export interface Photos {
  readonly count: number;
  /** Whether they lie decoded in memory. */
  readonly kept: boolean;
  readonly paths: readonly string[];
  /** Width and height of each, as decoded. */
  readonly sizes: readonly { readonly width: number; readonly height: number }[];
  /** Decodes a picture; undefined for one that can't be, where those are skipped. */
  decode(item: number): Promise<Picture | undefined>;
}

export interface PhotoOptions {
  readonly channels: 1 | 3;
  /** What becomes of their sizes, by what they are. */
  fit(sizes: readonly { width: number; height: number }[]): Fit | undefined;
  /** Told of a file that can't be decoded, and then left out. Without it such a file is an error. */
  readonly skip?: (error: Error) => void;
}

/** Bytes of pictures that are decoded once and kept; more than that is decoded anew each time. */
const mostKept = 2 ** 28;
/** Files that are looked at, or decoded, at once: sharp's own threads do the work. */
const concurrency = 8;
/** Bytes of pictures that are decoded at once, if that is more than one. */
const mostAtOnce = 2 ** 28;

/**
 * Looks at the headers of all files. Where all pictures together are small, they are decoded too, so
 * that a broken one is found before anything else happens.
 */
export async function openPhotos(
  paths: readonly string[],
  { channels, fit, skip }: PhotoOptions,
): Promise<Photos> {
  const attempt = async <T>(run: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await run();
    } catch (error) {
      if (!skip) throw withMend(error);
      skip(error as Error);
      return undefined;
    }
  };
  const looked = await inParallel(paths, concurrency, (path) => attempt(() => sizeOfFile(path)));
  const present = <T>(list: readonly (T | undefined)[]) =>
    list.filter((each) => each !== undefined);
  const files = paths.filter((_, i) => looked[i] !== undefined);
  const found = present(looked);
  const to = found.length > 0 ? fit(found) : undefined;
  const sizes = found.map((size) => fitted(size, to));
  const bytes = sizes.map(({ width, height }) => width * height * channels);
  const largest = bytes.reduce((most, each) => Math.max(most, each), 1);
  const gate = createGate(Math.max(1, Math.min(concurrency, Math.floor(mostAtOnce / largest))));
  const decode = (path: string, i: number) => {
    const { width, height } = found[i] as { width: number; height: number };
    const needs = to && (to.fit === "cover" || Math.min(width, height) < to.side) ? to : undefined;
    return gate(() => attempt(() => decodeFile(path, channels, needs)));
  };
  if (bytes.reduce((sum, each) => sum + each, 0) > mostKept) {
    const decodeAt = (item: number) => decode(files[item] as string, item);
    return { count: files.length, kept: false, paths: files, sizes, decode: decodeAt };
  }
  const pictures = await inParallel(files, concurrency, decode);
  const kept = present(pictures);
  return {
    count: kept.length,
    kept: true,
    paths: files.filter((_, i) => pictures[i] !== undefined),
    sizes: kept.map(({ width, height }) => ({ width, height })),
    decode: async (item) => kept[item],
  };
}

function fitted(size: { width: number; height: number }, to: Fit | undefined) {
  const { width, height } = size;
  if (to === undefined) return size;
  if (to.fit === "cover") return { width: to.side, height: to.side };
  const scale = Math.max(1, to.side / Math.min(width, height));
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/** What `run` makes of each of `all`, so many at a time. */
export async function inParallel<T, Made>(
  all: readonly T[],
  most: number,
  run: (each: T, at: number) => Promise<Made>,
): Promise<Made[]> {
  const made = new Array<Made>(all.length);
  const queue = all.entries();
  const work = Array.from({ length: Math.min(most, all.length) }, async () => {
    for (const [at, each] of queue) {
      made[at] = await run(each, at);
      await setImmediate(); // lets Ctrl-C through
    }
  });
  await Promise.all(work);
  return made;
}

/** Lets so many calls run at once; the others wait for their turn. */
function createGate(most: number): <T>(run: () => Promise<T>) => Promise<T> {
  let free = most;
  const waiting: (() => void)[] = [];
  return async (run) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
