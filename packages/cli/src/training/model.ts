import {
  conv2d,
  depthToSpace,
  gelu,
  linear,
  type Model,
  residual,
  sequential,
  spaceToDepth,
  vectorQuantize,
} from "vector-quantize";
import type { Settings } from "./settings.ts";

/** The autoencoder of a run. */
export function buildModel(settings: Settings, channels: number): Model {
  const { width, downsample, codes, codeDim, decay, commitment } = settings;
  const patch = downsample * downsample * channels;
  const block = () =>
    residual([
      conv2d({ inChannels: width, outChannels: width }),
      gelu(),
      linear({ inFeatures: width, outFeatures: width }),
    ]);
  return sequential([
    spaceToDepth({ block: downsample }),
    linear({ inFeatures: patch, outFeatures: width }),
    block(),
    block(),
    vectorQuantize({
      dim: width,
      codebookSize: codes,
      codebookDim: codeDim,
      decay,
      commitmentWeight: commitment,
      thresholdEmaDeadCode: { share: 0.1 },
    }),
    block(),
    block(),
    linear({ inFeatures: width, outFeatures: patch }),
    depthToSpace({ block: downsample }),
  ]);
}
