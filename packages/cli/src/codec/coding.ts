import type { Medium } from "../input/folders.ts";
import { type Part, type PictureSet, sameSizes } from "../input/pictureSet.ts";
import { counted } from "../input/sound/collected.ts";
import { resampled } from "../input/sound/resample.ts";
import type { SoundSet } from "../input/sound/soundSet.ts";
import type { CodedPicture } from "./codeShape.ts";
import type { SoundModel } from "./modelFile.ts";
import type { NamedPicture, PictureCodec } from "./pictures.ts";
import type { SoundCodec } from "./soundCodec.ts";

/** What is to be encoded: pictures, or sounds. */
export interface Coding {
  readonly medium: Medium;
  readonly count: number;
  /** Which these are, in their order: of files by names, sizes and times. */
  identity(): Promise<string>;
  /**
   * The codes of all, one after another.
   *
   * @param skipped is told of each that can't be read, where these are left out.
   * @param part numbers of those that are wanted. Default: all
   */
  coded(skipped: (why: string) => void, part?: Part): AsyncGenerator<CodedPicture>;
  /** Pixels, or seconds, of what has been encoded. */
  extentOf(coded: CodedPicture): number;
}

export function codingOfPictures(set: PictureSet, codec: PictureCodec): Coding {
  return {
    ...{ medium: "pictures", count: set.count, identity: set.identity },
    coded: (skipped, part) => codesOfPictures(set.pictures(skipped, part), codec),
    extentOf: ({ size: [height = 0, width = 0] = [] }) => height * width,
  };
}

/** The codes of pictures, those of one size together. */
export async function* codesOfPictures(
  pictures: AsyncIterable<NamedPicture>,
  codec: PictureCodec,
): AsyncGenerator<CodedPicture> {
  const runs = sameSizes(pictures, (p) => `${p.height} ${p.width}`, codec.batchSize);
  for await (const run of runs) yield* await codec.encode(run);
}

export function codingOfSounds({ model, sounds }: SoundModel, set: SoundSet, codec: SoundCodec) {
  const layers = model.quantizer.codebookSizes.length;
  const coding: Coding = {
    ...{ medium: "sounds", count: set.count, identity: set.identity },
    coded: (skipped, part) =>
      set.all(
        async ({ name, sound }) => {
          const own = counted(sound.pieces());
          const pieces = resampled(own.pieces(), sound.sampleRate, sounds.sampleRate);
          const codes = await codec.encode(pieces, name);
          const size = [own.length, sound.sampleRate];
          return { name, shape: [codes.length / layers], size, codes };
        },
        skipped,
        part,
      ),
    extentOf: ({ size: [length = 0, rate = 1] = [] }) => length / rate,
  };
  return coding;
}
