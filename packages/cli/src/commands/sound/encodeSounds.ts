import { dirname, extname } from "node:path";
import type { SoundModelFile } from "../../codec/modelFile.ts";
import { openPriorOf } from "../../codec/prior.ts";
import { createSoundCodec } from "../../codec/sounds.ts";
import { UsageFailure } from "../../failure.ts";
import { counted } from "../../input/sound/collected.ts";
import { resampled } from "../../input/sound/resample.ts";
import { openSoundSet } from "../../input/sound/soundSet.ts";
import { openCodeSink, soundMetadata } from "../../output/codeSinks.ts";
import type { Console } from "../../output/console.ts";
import { createCount } from "../../output/count.ts";
import { createFolder } from "../../output/files.ts";
import { tellLeftOut } from "../../output/leftOut.ts";
import { cleanUpWhenInterrupted } from "../../output/unfinished.ts";
import { amount, clock, grouped, small } from "../../output/words.ts";

interface EncodeOptions {
  readonly out: string;
  readonly prior: boolean;
  readonly skipUnreadable: boolean;
}

/** `vq encode` with a model of sounds: a `.vq` file of names, lengths, rates and codes. */
export async function encodeSounds(
  model: SoundModelFile,
  source: string,
  { out, prior: withPrior, skipUnreadable }: EncodeOptions,
  console: Console,
): Promise<void> {
  if (extname(out).toLowerCase() === ".npy") {
    throw new UsageFailure(`--out: expected a .vq file, which keeps lengths and rates, got ${out}`);
  }
  const set = await openSoundSet(source, skipUnreadable);
  tellLeftOut(console, "no sounds by their names", set.others);
  using codec = await createSoundCodec(model);
  const { sampleRate } = model.sounds;
  await createFolder(dirname(out));
  cleanUpWhenInterrupted();
  const began = performance.now();
  const prior = withPrior ? await openPriorOf(model) : undefined;
  const sink = await openCodeSink(model, out, { prior, metadata: soundMetadata(model) });
  const count = createCount(console, set.count, "sounds");
  let [sounds, length] = [0, 0];
  let bytes: number;
  try {
    const skipped = (why: string) => {
      tellLeftOut(console, "unreadable", [why]);
      count.add(1);
    };
    const coded = set.all(async ({ name, sound }) => {
      const own = counted(sound.pieces());
      const pieces = resampled(own.pieces(), sound.sampleRate, sampleRate);
      const codes = await codec.encode(pieces, name);
      const shape = [codes.length / model.model.quantizer.codebookSizes.length];
      return { name, shape, size: [own.length, sound.sampleRate] as const, codes };
    }, skipped);
    for await (const each of coded) {
      await sink.add(each);
      sounds += 1;
      length += each.size[0] / each.size[1];
      count.add(1);
    }
    ({ bytes } = await sink.finish());
  } finally {
    count.stop();
    await sink.discard();
  }
  const seconds = (performance.now() - began) / 1000;
  const bitsPerSecond = (8 * bytes) / length;
  console.say(
    `${out}: ${amount(sounds, "sound")}, ${clock(length)} in all, in ${grouped(bytes)} bytes, ` +
      `${grouped(bitsPerSecond)} bits a second, ${small(length / seconds)} times as fast as they play`,
  );
  const told = { file: out, sounds, length, bytes, bitsPerSecond, seconds };
  console.record("encoded", told);
}
