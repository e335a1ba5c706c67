import type { CodedPicture } from "../../codec/codeShape.ts";
import type { SoundModel } from "../../codec/modelFile.ts";
import { writePrior } from "../../codec/prior.ts";
import { createSoundCodec } from "../../codec/sounds.ts";
import {
  evaluateSounds,
  type SoundEvaluation,
  soundSummary,
} from "../../measure/sound/soundEvaluation.ts";
import { layerUsage, soundFindingsOf } from "../../measure/sound/soundFindings.ts";
import { writeFileSafely } from "../../output/files.ts";
import { spectrogramSheet } from "../../output/spectrogram.ts";
import { amount, clock, decibels, grouped, small } from "../../output/words.ts";
import type { MediumReport } from "../../report/page.ts";
import { soundGallery } from "../../report/soundGallery.ts";
import type { Conclusion, Judge, TrainedModel } from "../judge.ts";
import { comparisonsOf, type HeardPair } from "./comparisons.ts";
import type { NamedSamples, SoundData } from "./soundData.ts";

/** Most samples that a run is judged by, and those in the middle of it. */
const mostSamples = 2 ** 20;
const mostInBetween = 2 ** 18;

/** A run of sounds is judged by those held back, or where there are none, by its own. */
export async function soundJudge(
  data: SoundData,
  causal: boolean,
  items: Uint32Array,
  validation: Uint32Array,
): Promise<Judge> {
  const held = validation.length > 0;
  const sounds = await firstSounds(data, held ? validation : items, mostSamples);
  const few = upTo(sounds, mostInBetween);
  const { sampleRate, samples } = data.size;
  const details = { sounds: { sampleRate, samples, causal } };
  return {
    ...{ count: sounds.length, held, details },
    async score(model, variables) {
      const file = { model, variables, ...details, path: "the model" };
      const { mel, siSdr, perplexity, usedCodes } = await evaluateSounds(file, few);
      return { score: -mel, numbers: { mel, siSdr, perplexity, usedCodes } };
    },
    async conclude({ model, variables, folder }: TrainedModel): Promise<Conclusion> {
      const file: SoundModel = { model, variables, ...details, path: folder.model };
      const pairs: HeardPair[] = [];
      const evaluation = await evaluateSounds(file, sounds, {
        byLayers: true,
        see: ({ sound, made }) => void pairs.push({ ...sound, made }),
      });
      return {
        summary: soundSummary(evaluation),
        findings: soundFindingsOf(evaluation),
        async writeFiles(note) {
          await writePrior(file, codesTrainedOn(file), folder.prior, note);
          await writeFileSafely(folder.pictures, await spectrogramSheet(pairs, sampleRate));
          return [["spectrograms", folder.pictures]];
        },
        report: () => reportOf(file, evaluation, pairs, held),
      };
    },
  };

  /** The codes of what the model was trained on, in an order that tells nothing. */
  async function* codesTrainedOn(file: SoundModel): AsyncGenerator<CodedPicture> {
    using codec = await createSoundCodec(file);
    const layers = file.model.quantizer.codebookSizes.length;
    for (const item of items) {
      const sound = await data.sound(item);
      if (sound === undefined) continue;
      const codes = await codec.encode([sound.samples], sound.name);
      yield { shape: [codes.length / layers], codes };
    }
  }
}

async function reportOf(
  { model, sounds: { sampleRate } }: SoundModel,
  evaluation: SoundEvaluation,
  pairs: readonly HeardPair[],
  held: boolean,
): Promise<MediumReport> {
  const { siSdr, mel, logSpectral, sounds, seconds, byLayers, counts } = evaluation;
  const rate = (bits: number) => grouped(bits);
  const usage = layerUsage(counts, model.quantizer.codebookSizes);
  return {
    measured:
      `The numbers below are of ${amount(sounds, "sound")}, ${clock(seconds)} in all, ` +
      (held ? "that were held back from training." : "of the training set."),
    numbers: [
      ["SI-SDR", `${decibels(siSdr)} dB`],
      ["mel distance", small(mel)],
      ["log-spectral distance", `${logSpectral.toFixed(2)} dB`],
      ["bits a second on disk", rate(evaluation.bitsPerSecond)],
      ["packed", rate(evaluation.packedBitsPerSecond)],
      ["entropy, code by code", rate(evaluation.entropyBitsPerSecond)],
      ["used codes", `${grouped(evaluation.usedCodes)} of ${grouped(counts.length)}`],
    ],
    score: {
      ...{ title: "Parts of the loss, unweighted", y: "distance", key: "mel" },
      lines: [
        { name: "log-mel", key: "mel" },
        { name: "spectra", key: "stft" },
        { name: "samples", key: "waveform" },
      ],
    },
    usage: counts,
    gallery: {
      words:
        "Each with its spectrogram, from 0 Hz at the bottom to half the rate at the top, and a player." +
        (held ? " None of them was trained on." : ""),
      content: soundGallery(await comparisonsOf(pairs, sampleRate)),
    },
    tables: [
      [
        "Layer by layer",
        {
          columns: [
            "layers",
            "bits a second",
            "SI-SDR",
            "mel",
            "log-spectral",
            "used",
            "perplexity",
          ],
          rows: usage.map(({ size, used, perplexity }, i) => {
            const own = byLayers[i];
            return [
              i === 0 ? "1" : `1 to ${i + 1}`,
              own ? rate(own.packedBitsPerSecond) : "",
              own ? `${decibels(own.siSdr)} dB` : "",
              own ? small(own.mel) : "",
              own ? `${own.logSpectral.toFixed(2)} dB` : "",
              `${used} of ${size}`,
              perplexity.toFixed(1),
            ];
          }),
        },
      ],
    ],
  };
}

/** The first sounds that can be read, up to so many samples. */
async function firstSounds(
  data: SoundData,
  items: Uint32Array,
  most: number,
): Promise<NamedSamples[]> {
  const sounds: NamedSamples[] = [];
  let samples = 0;
  for (const item of items) {
    const sound = await data.sound(item);
    if (sound === undefined) continue;
    sounds.push(sound);
    samples += sound.samples.length;
    if (samples >= most) break;
  }
  return sounds;
}

function upTo(sounds: readonly NamedSamples[], most: number): NamedSamples[] {
  let samples = 0;
  const end = sounds.findIndex((sound) => {
    samples += sound.samples.length;
    return samples >= most;
  });
  return end === -1 ? [...sounds] : sounds.slice(0, end + 1);
}
