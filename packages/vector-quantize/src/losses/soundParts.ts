import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { SpectrumScale } from "./spectra.ts";

/** The parts of a `soundLoss`, by name. */
export type SoundLossPart = "waveform" | "mel" | "stft";

/** A loss between sounds, `loss` of `createTrainer`. */
export interface SoundLoss {
  /** Plain JSON: the options. */
  readonly config: { readonly type: string; readonly [option: string]: unknown };
  readonly sampleRate: number;
  readonly weights: Readonly<Record<SoundLossPart, number>>;
  readonly scales: readonly SpectrumScale[];
  /**
   * The unweighted parts for series `[B, T, 1]`, as scalars. Pure, traceable, differentiable; takes its
   * arrays.
   */
  parts(output: np.Array, target: np.Array): Record<SoundLossPart, np.Array>;
}

/** Throws unless `shape` is that of sounds. */
export function checkSound(shape: readonly number[]): void {
  if (shape.length === 3 && shape[2] === 1) return;
  throw expected("soundLoss: output", "sounds [B, T, 1]", shape);
}

/** Whether `value` is a `soundLoss`. */
export function isSoundLoss(value: unknown): value is SoundLoss {
  const { config, parts } = Object(value) as Partial<SoundLoss>;
  return config?.type === "soundLoss" && typeof parts === "function";
}

/** The weighted sum of a sound loss's parts, and these. */
export function soundDistance(loss: SoundLoss, output: np.Array, batch: np.Array) {
  const parts = loss.parts(output, batch);
  const weighted = Object.entries(loss.weights).map(([name, weight]) =>
    (parts[name as keyof typeof parts] as np.Array).ref.mul(weight),
  );
  return { reconstruction: weighted.reduce((a, b) => a.add(b)), parts };
}
