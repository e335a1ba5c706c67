import { basename, relative, sep } from "node:path";
import { numpy as np } from "@jax-js/jax";
import { hostRandom } from "vector-quantize/data";
import type { SoundSize } from "../../input/sound/soundFiles.ts";
import { openSounds, type Sounds } from "../../input/sound/sounds.ts";
import { amount, clock, grouped } from "../../output/words.ts";
import type { TrainingData } from "../data.ts";
import { mixed, pieceStream } from "../pieceStream.ts";
import type { Settings } from "../settings.ts";

/** Sounds, whose batches are `[batch, T, 1]`. */
export interface SoundData extends TrainingData {
  readonly size: SoundSize;
  /** One sound, or a part of a long one; undefined for a file that can't be read and is left out. */
  sound(item: number): Promise<NamedSamples | undefined>;
}

/** Samples at a model's rate. */
export interface NamedSamples {
  readonly name: string;
  readonly samples: Float32Array<ArrayBuffer>;
}

/** Seconds of the pieces, unless the user chooses others or the sounds are shorter. */
const usualSegment = 0.5;
/** Most pieces of each visit to a sound: decoding takes long. */
const mostPieces = 16;
/** Most bytes of the pieces that are mixed. */
const mostBytes = 2 ** 27;
/** What is quieter on average, 60 dB below full, is silence: pieces of it are drawn again, so many times. */
const silence = 1e-3;
const redraws = 8;

/**
 * Files in random pieces. They are decoded when it is their turn, while steps are computed.
 *
 * @param skip told of files that can't be decoded; without it they are an error
 */
export async function soundData(
  paths: readonly string[],
  settings: Settings,
  skip: ((error: Error) => void) | undefined,
): Promise<SoundData> {
  const sounds = await openSounds(paths, {
    sampleRate: settings.sampleRate,
    ...(skip && { skip }),
  });
  const { sampleRate, parts } = sounds;
  const lengths = parts.map(({ file, from, to }) =>
    Math.round(((Math.min(to, file.length) - from) * sampleRate) / file.sampleRate),
  );
  const samples = segmentOf(settings, sampleRate, lengths);
  const seconds = lengths.reduce((sum, length) => sum + length, 0) / sampleRate;
  const perVisit = piecesPerVisit((seconds * sampleRate) / parts.length, samples);
  return {
    count: parts.length,
    size: { sampleRate, samples },
    words:
      `${amount(parts.length, "sound")}, ${clock(seconds)} in all, at ${grouped(sampleRate)} Hz, ` +
      `in pieces of ${(samples / sampleRate).toFixed(2)} s`,
    chosen: { sampleRate, segment: samples / sampleRate },
    inPieces: true,
    batches(items, batch, seed, part = { from: 0, to: batch }) {
      const stream = piecesOf(sounds, { items, perVisit, samples, seed });
      const rows = part.to - part.from;
      return async (step) => {
        const first = step * batch;
        const all = new Float32Array(rows * samples);
        for (let i = 0; i < rows; i++) await stream.copy(first + part.from + i, all, i);
        stream.ahead(first + batch);
        return np.array(all, { shape: [rows, samples, 1] });
      };
    },
    async sound(item) {
      const decoded = await sounds.decode(item);
      return decoded && { name: nameOf(settings.data, sounds, item), samples: decoded };
    },
  };
}

/** Samples of a piece: a multiple of what a code stands for, and not much more than most sounds have. */
function segmentOf(
  { segment, strides }: Settings,
  sampleRate: number,
  lengths: readonly number[],
): number {
  const hop = strides.reduce((product, stride) => product * stride, 1);
  const middle = [...lengths].sort((a, b) => a - b)[lengths.length >> 1] ?? hop;
  const wanted = segment * sampleRate || Math.min(usualSegment * sampleRate, middle);
  return Math.max(1, Math.round(wanted / hop)) * hop;
}

/** How many pieces are taken when a sound is decoded: about half of what covers it. */
function piecesPerVisit(length: number, samples: number): number {
  const most = Math.min(mostPieces, Math.floor(mostBytes / (4 * mixed * samples)));
  return Math.max(1, Math.min(most, Math.floor(length / samples / 2)));
}

function piecesOf(
  sounds: Sounds,
  options: { items: Uint32Array; perVisit: number; samples: number; seed: number },
) {
  const { items, perVisit, samples, seed } = options;
  return pieceStream<Float32Array>({
    ...{ items, perVisit, seed, one: "sound", length: samples },
    allocate: (length) => new Float32Array(length),
    async visit(item, block, places, pieces) {
      const sound = await sounds.decode(item);
      if (sound === undefined) return false;
      for (const place of places) {
        const random = hostRandom(seed, block, place);
        const into = pieces.subarray(place * samples, (place + 1) * samples);
        for (let draw = 0; draw < redraws; draw++) {
          const from = random.below(Math.max(1, sound.length - samples + 1));
          into.fill(0);
          into.set(sound.subarray(from, from + samples)); // a shorter one ends in silence
          if (!isSilent(into)) break;
        }
      }
      return true;
    },
  });
}

function isSilent(samples: Float32Array): boolean {
  let power = 0;
  for (const sample of samples) power += sample ** 2;
  return power < silence ** 2 * samples.length;
}

function nameOf(folder: string, { parts }: Sounds, item: number): string {
  const { file, from } = parts[item] as Sounds["parts"][number];
  const name = relative(folder, file.path).split(sep).join("/") || basename(file.path);
  return from === 0 ? name : `${name} from ${clock(from / file.sampleRate)}`;
}
