import { type Coding, codingOfPictures, codingOfSounds } from "../codec/coding.ts";
import { ofImages, ofSounds, type SavedModel } from "../codec/modelFile.ts";
import { createPictureCodec } from "../codec/pictures.ts";
import type { CodeChooser } from "../codec/rdo.ts";
import { createSoundCodec } from "../codec/sounds.ts";
import { openPictures, type PictureOptions } from "../input/pictureSet.ts";
import { openSoundSet } from "../input/sound/soundSet.ts";
import type { Console } from "../output/console.ts";
import { tellLeftOut } from "../output/leftOut.ts";

/**
 * What a user named, as a model codes it. Says what is no picture, or sound, by its name.
 *
 * @param chooser chooses the codes; default: the model's own
 */
export async function openCoding(
  saved: SavedModel,
  source: string,
  options: PictureOptions,
  console: Console,
  chooser?: CodeChooser,
): Promise<Coding & Disposable> {
  const sounds = ofSounds(saved);
  if (sounds) {
    const set = await openSoundSet(source, options.skipUnreadable);
    tellLeftOut(console, "no sounds by their names", set.others);
    const codec = await createSoundCodec(sounds, chooser);
    const dispose = { [Symbol.dispose]: () => codec[Symbol.dispose]() };
    return { ...codingOfSounds(sounds, set, codec), ...dispose };
  }
  const model = ofImages(saved);
  const set = await openPictures(model, source, options);
  tellLeftOut(console, "no images by their names", set.others);
  const coding = codingOfPictures(set, createPictureCodec(model, chooser));
  return { ...coding, [Symbol.dispose]() {} };
}
