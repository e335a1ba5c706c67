import { usageOf } from "../../codec/usage.ts";
import { amount, clock, decibels, grouped, small } from "../../output/words.ts";
import type { SoundEvaluation } from "./soundEvaluation.ts";

/** The numbers of an evaluation, one a line. */
export function soundFindingsOf(evaluation: SoundEvaluation): string[] {
  const { siSdr, logSpectral, mel, sounds, seconds, bytes, perplexity, usedCodes, counts } =
    evaluation;
  const rate = (bits: number) => grouped(bits).padStart(6);
  return [
    `SI-SDR           ${decibels(siSdr)} dB, of ${amount(sounds, "sound")}, ${clock(seconds)} in all`,
    `mel distance     ${small(mel)}`,
    `log-spectral     ${logSpectral.toFixed(2)} dB`,
    `bits per second  ${rate(evaluation.bitsPerSecond)}: ${grouped(bytes)} bytes as a .vq file`,
    `  packed         ${rate(evaluation.packedBitsPerSecond)}`,
    `  entropy        ${rate(evaluation.entropyBitsPerSecond)}, code by code`,
    `perplexity       ${perplexity.toFixed(1)}`,
    `used codes       ${usedCodes} of ${counts.length}`,
    ...layerLines(evaluation),
  ];
}

function layerLines({ byLayers }: SoundEvaluation): string[] {
  if (byLayers.length < 2) return [];
  return [
    "layers     bits/s    SI-SDR       mel  log-spectral",
    ...byLayers.map(
      ({ layers, packedBitsPerSecond, siSdr, mel, logSpectral }) =>
        `${String(layers).padStart(6)}${grouped(packedBitsPerSecond).padStart(11)}${decibels(siSdr).padStart(10)}` +
        `${mel.toFixed(4).padStart(10)}${logSpectral.toFixed(2).padStart(14)}`,
    ),
  ];
}

/** How the codes of each layer are used: a row for each. */
export function layerUsage(
  counts: Float64Array,
  codebookSizes: readonly number[],
): { readonly size: number; readonly used: number; readonly perplexity: number }[] {
  let end = 0;
  return codebookSizes.map((size) => {
    end += size;
    const { usedCodes, perplexity } = usageOf(counts.subarray(end - size, end), [size]);
    return { size, used: usedCodes, perplexity };
  });
}
