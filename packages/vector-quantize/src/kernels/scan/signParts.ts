import type { CodeMetric } from "./codeQuantizer.ts";
import type { KacRotation } from "./kacRotation.ts";

/** What a RaBitQ quantizer is made of. */
export interface SignSettings {
  readonly dim: number;
  readonly bits: number;
  readonly metric: CodeMetric;
  readonly seed: number;
  readonly center: Float32Array<ArrayBuffer>;
}

/** What is read of it. */
export interface SignParts {
  readonly dim: number;
  readonly bits: number;
  readonly bytes: number;
  readonly metric: CodeMetric;
  readonly rotation: KacRotation;
  readonly settings: SignSettings;
}

/** Centers of cells, `[C, padded]`, as `SignCoder` of the kernels has them. */
export interface TurnedCenters {
  readonly shifted: Float32Array;
  readonly turned: Float32Array;
}

/**
 * Steps between levels of 1 to 8 bits that quantize normal numbers of variance 1 with the least error (Max,
 * "Quantizing for minimum distortion", 1960).
 */
export const spreads = [1.5958, 0.9957, 0.586, 0.3352, 0.1881, 0.1041, 0.0569, 0.0308];
