import { Failure } from "../../failure.ts";
import { withMend } from "../imageFiles.ts";
import { inParallel } from "../photos.ts";
import { collected } from "./collected.ts";
import { resampled } from "./resample.ts";
import { openSound, type SoundFile } from "./soundFiles.ts";

/** Files of sounds of any length, at one rate. Long ones are in parts. */
export interface Sounds {
  readonly sampleRate: number;
  readonly parts: readonly SoundPart[];
  /** Whether they lie decoded in memory. */
  readonly kept: boolean;
  /** Decodes a part; undefined for one that can't be, where those are skipped, or that holds nothing. */
  decode(part: number): Promise<Float32Array<ArrayBuffer> | undefined>;
}

/** A part of a file. */
export interface SoundPart {
  readonly file: SoundFile;
  /** Samples of the file's own rate. */
  readonly from: number;
  readonly to: number;
}

export interface SoundOptions {
  /** Samples a second; 0 for as many as most files have. */
  readonly sampleRate: number;
  /** Told of a file that can't be decoded, and then left out. Without it such a file is an error. */
  readonly skip?: (error: Error) => void;
}

/** Seconds of a part, about: so many are decoded at once. */
const partSeconds = 20;
/** Samples that are decoded once and kept, 256 MiB; more than that is decoded anew each time. */
const mostKept = 2 ** 26;
/** Files that are looked at at once. */
const concurrency = 8;

/**
 * Looks at all files. Where they are short all together, they are decoded too, so that a broken one is found
 * before anything else happens.
 */
export async function openSounds(
  paths: readonly string[],
  { sampleRate: wanted, skip }: SoundOptions,
): Promise<Sounds> {
  const attempt = async <T>(run: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (!skip) throw withMend(error);
      skip(error);
      return undefined;
    }
  };
  const looked = await inParallel(paths, concurrency, (path) => attempt(() => openSound(path)));
  const files = looked.filter((file) => file !== undefined);
  const sampleRate = wanted || usualRate(files);
  const parts = files.flatMap(partsOf);
  const samples = files.reduce(
    (sum, file) => sum + (file.length * sampleRate) / file.sampleRate,
    0,
  );
  const decode = (part: SoundPart) => attempt(() => decodePart(part, sampleRate));
  if (samples > mostKept) {
    return { sampleRate, parts, kept: false, decode: (i) => decode(parts[i] as SoundPart) };
  }
  const decoded = await inParallel(parts, 1, decode);
  const present = parts.map((_, i) => i).filter((i) => decoded[i] !== undefined);
  return {
    ...{ sampleRate, kept: true, parts: present.map((i) => parts[i] as SoundPart) },
    decode: async (i) => decoded[present[i] as number],
  };
}

/** The rate that most files have; the higher one of two. */
export function usualRate(files: readonly Pick<SoundFile, "sampleRate">[]): number {
  const counts = new Map<number, number>();
  for (const { sampleRate } of files) counts.set(sampleRate, (counts.get(sampleRate) ?? 0) + 1);
  const [most = [0]] = [...counts].sort(([a, n], [b, m]) => m - n || b - a);
  return most[0] as number;
}

function partsOf(file: SoundFile): SoundPart[] {
  const count = Math.max(1, Math.round(file.length / (partSeconds * file.sampleRate)));
  const edge = (i: number) => Math.round((i * file.length) / count);
  return Array.from({ length: count }, (_, i) => ({
    ...{ file, from: edge(i) },
    to: i === count - 1 ? Number.POSITIVE_INFINITY : edge(i + 1), // lengths may be guesses
  }));
}

async function decodePart(
  { file, from, to }: SoundPart,
  sampleRate: number,
): Promise<Float32Array<ArrayBuffer> | undefined> {
  const pieces = upTo(file.pieces(from), to - from);
  const samples = await collected(resampled(pieces, file.sampleRate, sampleRate));
  return samples.length > 0 ? samples : undefined;
}

async function* upTo(
  pieces: AsyncIterable<Float32Array<ArrayBuffer>>,
  length: number,
): AsyncGenerator<Float32Array<ArrayBuffer>> {
  let left = length;
  for await (const piece of pieces) {
    yield left < piece.length ? piece.subarray(0, left) : piece;
    left -= piece.length;
    if (left <= 0) return;
  }
}
