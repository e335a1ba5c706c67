import type { SoundModelFile } from "../../codec/modelFile.ts";
import { createSoundCodec } from "../../codec/sounds.ts";
import { Failure } from "../../failure.ts";
import { type CodeSourceOptions, openCodes } from "../../input/codeFiles.ts";
import { lengthAt, resampled } from "../../input/sound/resample.ts";
import type { Console } from "../../output/console.ts";
import { createCount } from "../../output/count.ts";
import { soundFolder } from "../../output/soundFolder.ts";
import { cleanUpWhenInterrupted } from "../../output/unfinished.ts";
import { amount, clock, small } from "../../output/words.ts";

/** `vq decode` with a model of sounds: WAV files of the originals' names, lengths and rates. */
export async function decodeSounds(
  model: SoundModelFile,
  codesPath: string,
  options: CodeSourceOptions & { readonly out: string },
  console: Console,
): Promise<void> {
  using codec = await createSoundCodec(model);
  const source = await openCodes(model, codesPath, options);
  const damage: string[] = [];
  const began = performance.now();
  const write = soundFolder(options.out);
  const count = createCount(console, source.count, "sounds");
  let [sounds, length] = [0, 0];
  try {
    cleanUpWhenInterrupted();
    const coded = source.pictures((why) => {
      damage.push(why);
      console.note(why);
    });
    for await (const { file, codes, size, name = file } of coded) {
      const positions = codes.length / model.model.quantizer.codebookSizes.length;
      const hop = model.model.lengthMultiple;
      const [samples = positions * hop, rate = model.sounds.sampleRate] = size ?? [];
      const needed = Math.ceil(lengthAt(samples, rate, model.sounds.sampleRate) / hop);
      if (positions !== needed) {
        throw new Failure(
          `${codesPath}: ${name}: expected codes of ${needed} positions for ${samples} samples at ${rate} Hz, got ${positions}. It is damaged, or of another program`,
        );
      }
      const pieces = resampled(codec.decode(codes, name), model.sounds.sampleRate, rate, samples);
      await write(file, { sampleRate: rate, length: samples }, pieces);
      sounds += 1;
      length += samples / rate;
      count.add(1);
    }
  } finally {
    count.stop();
    await source[Symbol.asyncDispose]();
  }
  const seconds = (performance.now() - began) / 1000;
  console.say(
    `${options.out}: ${amount(sounds, "sound")}, ${clock(length)} in all, ` +
      `${small(length / seconds)} times as fast as they play`,
  );
  console.record("decoded", { folder: options.out, sounds, length, seconds, damage });
  if (damage.length === 0) return;
  throw new Failure(
    `${codesPath}: expected a whole file, got a damaged one, of which ${sounds} of ${source.count} sounds are decoded. ${damage[0]}`,
  );
}
