import { sizeOf } from "../kernels/layers/layerPlan.ts";
import { type Reconstruction, reconstructionLoss } from "../kernels/layers/reconstruction.ts";
import { type SpectraPlan, spectralDistance } from "../kernels/layers/spectralDistance.ts";
import type { Workspace } from "../kernels/layers/workspace.ts";
import { checkSound, type SoundLoss } from "./soundParts.ts";
import { binsOf, framesOf, hopOf, melBands, spectralFloor, windowOf } from "./spectra.ts";

/**
 * A sound loss on the kernels, for series of any shape `[B, T, 1]`. `distortion` is the mean squared error
 * of the output cut to `range`. Of a part of a batch of `whole` numbers, all is its share of the batch's.
 */
export function soundLossOnKernels(loss: SoundLoss, range: readonly [number, number]) {
  const { weights, scales, sampleRate } = loss;
  const tables = scales.map((scale) => ({
    size: scale.size,
    hop: hopOf(scale),
    window: windowOf(scale),
    bands: melBands(scale, sampleRate),
    floor: spectralFloor,
  }));

  return async (
    work: Workspace,
    [output, target]: readonly [number, number],
    shape: readonly number[],
    whole = sizeOf(shape),
  ): Promise<Reconstruction> => {
    checkSound(shape);
    const [batch, length] = shape as [number, number];
    const rule = { loss: "l1", range, clamp: false } as const;
    const share = { whole, weight: weights.waveform };
    const waveform = await reconstructionLoss(work, rule, [output, target], sizeOf(shape), share);
    const { gradient, distortion } = waveform;
    const parts = { waveform: waveform.loss, mel: 0, stft: 0 };
    for (const [at, scale] of scales.entries()) {
      const plan: SpectraPlan = {
        ...(tables[at] as (typeof tables)[0]),
        length,
        frames: framesOf(scale, length),
      };
      const perFrame = 1 / (scales.length * (whole / length) * plan.frames);
      const [perBin, perBand] = [perFrame / binsOf(scale), perFrame / scale.bands];
      const slopes = { byMagnitude: weights.stft * perBin, byBand: weights.mel * perBand };
      const found = await spectralDistance(work, plan, slopes, { batch, output, target, gradient });
      parts.stft += found.magnitudes * perBin;
      parts.mel += found.bands * perBand;
    }
    const { waveform: w, mel, stft } = weights;
    return {
      loss: w * parts.waveform + mel * parts.mel + stft * parts.stft,
      ...{ parts, distortion, gradient },
    };
  };
}
