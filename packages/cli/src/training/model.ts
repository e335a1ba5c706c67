import { vectorQuantize } from "vector-quantize";
import { imageAutoencoder, type Model } from "vector-quantize/nn";
import type { Settings } from "./settings.ts";

/** The autoencoder of a run. */
export function buildModel(settings: Settings, channels: number): Model {
  const { patch, width, depth, codes, codeDim, decay, commitment, codebookLearningRate } = settings;
  const quantizer = vectorQuantize({
    dim: codeDim,
    codebookSize: codes,
    decay,
    learnableCodebook: codebookLearningRate > 0,
    commitmentWeight: commitment,
    // A code that gets less than a tenth of an even share is replaced by a vector of the batch.
    thresholdEmaDeadCode: { share: 0.1 },
  });
  return imageAutoencoder({ channels, patch, width, depth, codeDim, quantizer });
}
