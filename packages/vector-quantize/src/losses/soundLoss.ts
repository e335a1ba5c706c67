import { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import { accurateLog } from "../logarithm.ts";
import { absent, atLeastZero, declared, integer, list } from "../options/kinds.ts";
import { type Complete, optionTable } from "../options/table.ts";
import { checkSound, type SoundLoss } from "./soundParts.ts";
import {
  binsOf,
  framesOf,
  hopOf,
  melBands,
  type SpectrumScale,
  spectralFloor,
  spectralSoftness,
  windowOf,
} from "./spectra.ts";

/** Options of `soundLoss`. */
export class SoundLossOptions {
  /** Samples a second. */
  readonly sampleRate: number = integer();
  /** Weight of the mean absolute error of the samples. Default 1. */
  readonly waveform?: number = atLeastZero(1);
  /** Weight of the distance of log-mel spectra. Default 1. */
  readonly mel?: number = atLeastZero(1);
  /** Weight of the distance of magnitudes and of their logarithms. Default 1. */
  readonly stft?: number = atLeastZero(1);
  /**
   * Lengths of the frames that spectra are taken of, powers of 2 from 8 to 8,192. Default: those from 32
   * to a fifteenth of a second: up to 512 at 8 kHz, 2,048 at 44.1 kHz.
   */
  readonly windows?: readonly number[] = declared(
    list(
      "a list of lengths",
      (where, value) => {
        if (
          typeof value === "number" &&
          value >= 8 &&
          value <= 8192 &&
          Number.isInteger(Math.log2(value))
        )
          return;
        throw expected(where, "a power of 2 from 8 to 8192", value);
      },
      32,
    ),
    ({ sampleRate }: SoundLossOptions) =>
      [32, 64, 128, 256, 512, 1024, 2048].filter((size) => size === 32 || size <= sampleRate / 15),
  );
  /** Mel bands for each window. Default: 5 for each 32 samples of it. */
  readonly bands?: readonly number[] = declared(
    list("a list of numbers of bands", (where, value) => checkBands(where, value), 32),
    absent,
  );
}

function checkBands(where: string, value: unknown): void {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 1024) return;
  throw expected(where, "an integer from 1 to 1024", value);
}

type Options = Complete<SoundLossOptions, "bands">;

const table = optionTable<SoundLossOptions, Options>(
  "soundLoss",
  [SoundLossOptions],
  [
    ({ bands, windows }, where) => {
      if (!bands || bands.length === windows.length) return;
      throw expected(`${where}: bands`, `one for each window (${windows.length})`, bands.length);
    },
    ({ waveform, mel, stft }) =>
      waveform + mel + stft === 0 && "a weight above 0, got waveform 0, mel 0 and stft 0",
  ],
);

/**
 * The distance of sounds by their samples and by their spectra at several scales:
 * `waveform w + mel m + stft s`, with
 *
 * - `w = mean |x - y|`
 * - `m = mean over windows of mean |log10 max(B X, e) - log10 max(B Y, e)|`
 * - `s = mean over windows of mean |X - Y| + |log10 max(X, e) - log10 max(Y, e)|`
 *
 * where `X` are the magnitudes of the Fourier transforms of `x` under Hann's window, which is moved by a
 * quarter of its length, `B` are triangles on the mel scale, and `e` is 1e-5. The window is scaled so
 * that a sine of amplitude 1 has magnitude 1: all parts are comparable over windows and rates.
 *
 * In the training report each part stands under its name, unweighted; `reconstruction` is their weighted
 * sum.
 *
 * ```ts
 * import { audioAutoencoder } from "vector-quantize/nn";
 * import { adamw, createTrainer, soundLoss } from "vector-quantize/train";
 *
 * const loss = soundLoss({ sampleRate: 8000, mel: 2 });
 * const trainer = createTrainer(audioAutoencoder(), { optimizer: adamw(1e-3), loss });
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: Kumar et al., "High-Fidelity Audio Compression with Improved RVQGAN", 2023, section 3.4,
 * https://arxiv.org/abs/2306.06546, whose windows and bands are the defaults at 44.1 kHz; Zeghidour et
 * al., "SoundStream", 2021, section III-E, https://arxiv.org/abs/2107.03312.
 */
export function soundLoss(given: SoundLossOptions): SoundLoss {
  const { options, config } = table.read(given);
  const { sampleRate, waveform, mel, stft, windows, bands } = options;
  const scales = windows.map((size, at) => ({
    size,
    bands: bands?.[at] ?? Math.ceil((5 * size) / 32),
  }));
  return {
    config,
    sampleRate,
    weights: { waveform, mel, stft },
    scales,
    parts(output, target) {
      checkSound(output.shape);
      const [byMel, byMagnitude]: [np.Array[], np.Array[]] = [[], []];
      for (const scale of scales) {
        const [a, b] = [magnitudes(output.ref, scale), magnitudes(target.ref, scale)];
        const filter = melMatrix(scale, sampleRate);
        byMel.push(logDistance(np.matmul(a.ref, filter.ref), np.matmul(b.ref, filter)));
        byMagnitude.push(meanOf(np.abs(a.ref.sub(b.ref))).add(logDistance(a, b)));
      }
      return {
        waveform: meanOf(np.abs(output.sub(target))),
        mel: sumOf(byMel).div(scales.length),
        stft: sumOf(byMagnitude).div(scales.length),
      };
    },
  };
}

const sumOf = (arrays: readonly np.Array[]): np.Array => arrays.reduce((a, b) => a.add(b));

/** Axis by axis: sums of very many numbers lose digits in one go. */
const meanOf = (x: np.Array): np.Array => (x.ndim === 0 ? x : meanOf(np.mean(x, -1)));

const aboveFloor = (x: np.Array): np.Array => np.maximum(x, spectralFloor);

function logDistance(a: np.Array, b: np.Array): np.Array {
  const apart = accurateLog(aboveFloor(a)).sub(accurateLog(aboveFloor(b)));
  return meanOf(np.abs(apart)).mul(Math.LOG10E);
}

/**
 * Magnitudes `[B, frames, bins]` of series `[B, T, 1]`: products of the four hops of a frame with their
 * rows of one matrix.
 */
function magnitudes(x: np.Array, scale: SpectrumScale): np.Array {
  const [batch, length] = x.shape as [number, number];
  const [hop, frames, bins] = [hopOf(scale), framesOf(scale, length), binsOf(scale)];
  const hops = frames + 3;
  const front = scale.size / 2;
  const padded = np.pad(x.reshape([batch, length]), [
    [0, 0],
    [front, hops * hop - front - length],
  ]);
  const cut = padded.reshape([batch, hops, hop]);
  const matrix = fourierMatrix(scale);
  const products = [0, 1, 2, 3].map((at) =>
    np.matmul(
      cut.ref.slice([], [at, at + frames], []),
      matrix.ref.slice([at * hop, (at + 1) * hop], []),
    ),
  );
  cut.dispose();
  matrix.dispose();
  const both = np.square(sumOf(products)); // [B, frames, 2 bins]
  const squares = both.ref.slice([], [], [0, bins]).add(both.slice([], [], [bins, 2 * bins]));
  return np.sqrt(squares.add(spectralSoftness));
}

/** `[size, 2 bins]`: real parts, then imaginary ones, under the window. */
function fourierMatrix(scale: SpectrumScale): np.Array {
  const [{ size }, bins, window] = [scale, binsOf(scale), windowOf(scale)];
  const matrix = new Float32Array(size * 2 * bins);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < bins; k++) {
      const angle = (2 * Math.PI * ((i * k) % size)) / size;
      const weight = window[i] as number;
      matrix[i * 2 * bins + k] = weight * Math.cos(angle);
      matrix[i * 2 * bins + bins + k] = -weight * Math.sin(angle);
    }
  }
  return np.array(matrix, { shape: [size, 2 * bins] });
}

/** `[bins, bands]`. */
function melMatrix(scale: SpectrumScale, sampleRate: number): np.Array {
  const matrix = new Float32Array(binsOf(scale) * scale.bands);
  for (const [band, { first, weights }] of melBands(scale, sampleRate).entries()) {
    for (const [i, weight] of weights.entries()) matrix[(first + i) * scale.bands + band] = weight;
  }
  return np.array(matrix, { shape: [binsOf(scale), scale.bands] });
}
