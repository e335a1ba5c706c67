import { hasCodes } from "vector-quantize";
import { audioAutoencoder, imageAutoencoder, type Model } from "vector-quantize/nn";
import { soundLoss, type TrainerOptions } from "vector-quantize/train";
import { UsageFailure } from "../failure.ts";
import type { TrainingData } from "./data.ts";
import { makeQuantizer } from "./quantizer.ts";
import type { Settings } from "./settings.ts";

/** Most codes in all codebooks: the uses of each are counted and saved. */
const mostCodes = 2 ** 22;

/** Quantizers whose layers have positions of their own: no file holds them as sounds. */
const ofSeveralRates = ["hierarchicalVQ", "multiscaleVQ"];

type Size = TrainingData["size"];

/**
 * The autoencoder of a run.
 *
 * @param size of what it takes; default: some picture in colour
 */
export function buildModel(settings: Settings, size: Partial<Size> = {}): Model {
  const { patch, width, depth, strides, causal, quantizer: config } = settings;
  const quantizer = makeQuantizer(config);
  const codes = quantizer.codebookSizes.reduce((sum, size) => sum + size, 0);
  if (codes > mostCodes) {
    throw new UsageFailure(
      `--quantizer ${config.type}: expected at most ${mostCodes} codes, whose uses are counted, got ${codes}`,
    );
  }
  const shared = { width, codeDim: quantizer.dim, quantizer };
  if (settings.medium === "sounds") {
    if (!hasCodes(quantizer) || ofSeveralRates.includes(config.type)) {
      throw new UsageFailure(
        `--quantizer: expected one with codes of one rate, for sounds, got ${config.type}`,
      );
    }
    return audioAutoencoder({ ...shared, strides, causal });
  }
  const channels = "channels" in size ? (size.channels as number) : 3;
  return imageAutoencoder({ ...shared, channels, patch, depth });
}

/** Pixels, or samples, of what a model takes. */
export const valuesIn = (size: Size) =>
  "samples" in size ? size.samples : size.height * size.width;

/** Vectors that the quantizer gets of it. */
export function vectorsOf({ patch, strides }: Settings, size: Size): number {
  const each = "samples" in size ? strides.reduce((hop, stride) => hop * stride, 1) : patch ** 2;
  return valuesIn(size) / each;
}

/** The loss of a run, as an option of its trainer. */
export function lossOf(settings: Settings): Pick<TrainerOptions, "loss"> {
  if (settings.medium !== "sounds") return {};
  const { sampleRate, waveform, mel, stft } = settings;
  return { loss: soundLoss({ sampleRate, waveform, mel, stft }) };
}
