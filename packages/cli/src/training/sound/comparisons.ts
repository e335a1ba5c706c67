import { likenessMeter } from "../../measure/sound/likeness.ts";
import { spectrograms } from "../../output/spectrogram.ts";
import { wavBytes } from "../../output/wav.ts";
import { decibels, small } from "../../output/words.ts";
import type { SoundComparison } from "../../report/soundGallery.ts";
import type { NamedSamples } from "./soundData.ts";

/** A sound and what a model makes of it. */
export interface HeardPair extends NamedSamples {
  readonly made: Float32Array<ArrayBuffer>;
}

/** Most sounds in a report, samples of all of them, and seconds of one: of a longer one its beginning. */
const mostSounds = 12;
const mostSamples = 2 ** 20;
const mostSeconds = 6;

/** Sounds beside their reconstructions, as a report shows them. */
export async function comparisonsOf(
  pairs: readonly HeardPair[],
  sampleRate: number,
): Promise<SoundComparison[]> {
  const comparisons: SoundComparison[] = [];
  let total = 0;
  for (const { name, samples, made } of pairs) {
    if (comparisons.length === mostSounds || total >= mostSamples) break;
    const both = [samples, made].map((each) => each.subarray(0, mostSeconds * sampleRate));
    const meter = likenessMeter(sampleRate);
    meter.add(samples, made);
    const { siSdr, mel } = meter.means();
    const pictures = await spectrograms(both, sampleRate);
    const [original, reconstruction] = pictures.map((picture, i) => ({
      ...picture,
      wav: wavBytes(both[i] as Float32Array, sampleRate),
    }));
    if (!original || !reconstruction) continue;
    const seconds = (samples.length / sampleRate).toFixed(2);
    const words = `${seconds} s, SI-SDR ${decibels(siSdr)} dB, mel distance ${small(mel)}`;
    comparisons.push({ name, words, original, reconstruction });
    total += both[0]?.length ?? 0;
  }
  return comparisons;
}
