import type { SoundModelFile } from "../../codec/modelFile.ts";
import { codeChooser } from "../../codec/rdo.ts";
import { Failure } from "../../failure.ts";
import { collected, counted } from "../../input/sound/collected.ts";
import { resampled } from "../../input/sound/resample.ts";
import { openSoundSet, type SoundSet } from "../../input/sound/soundSet.ts";
import { type SoundFormat, throughCodecs } from "../../measure/sound/otherCodecs.ts";
import {
  evaluateSounds,
  type SoundEvaluation,
  type SoundToMeasure,
  soundSummary,
} from "../../measure/sound/soundEvaluation.ts";
import { soundFindingsOf } from "../../measure/sound/soundFindings.ts";
import type { Console } from "../../output/console.ts";
import { createCount } from "../../output/count.ts";
import { tellLeftOut } from "../../output/leftOut.ts";
import { soundFolder } from "../../output/soundFolder.ts";
import { cleanUpWhenInterrupted } from "../../output/unfinished.ts";
import { decibels, grouped } from "../../output/words.ts";

interface EvalOptions {
  readonly out?: string;
  readonly against: readonly SoundFormat[];
  readonly skipUnreadable: boolean;
  readonly rdo?: number;
}

/** Most samples of a sound that is compared with its reconstruction: both are held in memory. */
const mostSamples = 2 ** 26;
/** Most samples that are kept for other codecs. */
const mostKept = 2 ** 27;

/** `vq eval` with a model of sounds: by what it makes of them at its own rate. */
export async function evalSounds(
  model: SoundModelFile,
  source: string,
  { out, against, skipUnreadable, rdo }: EvalOptions,
  console: Console,
): Promise<void> {
  const set = await openSoundSet(source, skipUnreadable);
  tellLeftOut(console, "no sounds by their names", set.others);
  cleanUpWhenInterrupted();
  const { sampleRate } = model.sounds;
  const write = out === undefined ? undefined : soundFolder(out);
  const kept: Float32Array[] = [];
  let length = 0;
  const count = createCount(console, set.count, "sounds");
  let evaluation: SoundEvaluation;
  try {
    const skipped = (why: string) => tellLeftOut(console, "unreadable", [why]);
    const sounds = samplesOf(set, sampleRate, skipped);
    evaluation = await evaluateSounds(model, sounds, {
      byLayers: true,
      chooser: await codeChooser(model, rdo),
      async see({ sound, whole }) {
        const [samples, rate] = sound.size;
        const pieces = resampled(once(whole), sampleRate, rate, samples);
        await write?.(sound.file, { sampleRate: rate, length: samples }, pieces);
        length += sound.samples.length;
        if (against.length > 0 && length <= mostKept) kept.push(sound.samples);
        count.add(1);
      },
    });
  } finally {
    count.stop();
  }
  for (const line of soundFindingsOf(evaluation)) console.say(line);
  if (out !== undefined) console.say(`reconstructions  ${out}`);
  const points = await throughCodecs(against, kept, sampleRate);
  if (points.length > 0) {
    console.say("");
    console.say("                   bits/s    SI-SDR       mel  log-spectral");
    for (const { name, ...point } of [
      { name: "this model", ...evaluation },
      ...points.map((point) => ({ name: `${point.format} ${point.setting}`, ...point })),
    ]) {
      console.say(
        `${name.padEnd(16)}${grouped(point.bitsPerSecond).padStart(9)}${decibels(point.siSdr).padStart(10)}` +
          `${point.mel.toFixed(4).padStart(10)}${point.logSpectral.toFixed(2).padStart(14)}`,
      );
    }
  }
  console.record("evaluation", {
    ...soundSummary(evaluation),
    ...(points.length > 0 && { points }),
  });
}

interface FileToMeasure extends SoundToMeasure {
  readonly file: string;
  readonly size: readonly [samples: number, rate: number];
}

/** The sounds of a set at a model's rate, one after another. */
async function* samplesOf(
  set: SoundSet,
  sampleRate: number,
  skipped: (why: string) => void,
): AsyncGenerator<FileToMeasure> {
  yield* set.all(async ({ name, file, sound }) => {
    const own = counted(sound.pieces());
    const pieces = resampled(own.pieces(), sound.sampleRate, sampleRate);
    const samples = await collected(pieces, (length) => {
      if (length <= mostSamples) return;
      throw new Failure(`${name}: expected at most ${mostSamples} samples to measure, got more`);
    });
    return { name, file, samples, size: [own.length, sound.sampleRate] as const };
  }, skipped);
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}
