import { frameSize, type Spectra, spectraOf } from "./spectrum.ts";

/** How much alike sounds and what is made of them are. */
export interface Likeness {
  /** Scale-invariant signal to distortion ratio in dB, the mean over the sounds that are not silent. */
  readonly siSdr: number;
  /** Log-spectral distance in dB: of a frame the root of the mean square over frequencies; the mean of all. */
  readonly logSpectral: number;
  /** Mean absolute difference of the logarithms (base 10) of mel magnitudes. */
  readonly mel: number;
}

export interface LikenessMeter {
  /** Two sounds of one length. */
  add(original: Float32Array, made: Float32Array): void;
  means(): Likeness;
}

/** Bands between 0 and half the rate. */
const bands = 40;
/** Magnitudes below this, 100 dB under full, are all alike. */
const floor = 1e-5;

/**
 * SI-SDR: Le Roux et al., "SDR - half-baked or well done?", 2019, https://arxiv.org/abs/1811.02508.
 * Log-spectral distance: Gray and Markel, "Distance measures for speech processing", 1976. Spectra are
 * of frames of 32 ms (or the next power of two), a quarter of that apart.
 */
export function likenessMeter(sampleRate: number): LikenessMeter {
  const size = frameSize(sampleRate);
  const filters = melFilters(sampleRate, size);
  let [decibels, heard, frames, spectral, mel] = [0, 0, 0, 0, 0];
  return {
    add(original, made) {
      const ratio = siSdrOf(original, made);
      if (ratio !== undefined) {
        decibels += ratio;
        heard += 1;
      }
      const [a, b] = [spectraOf(original, size), spectraOf(made, size)];
      frames += a.frames;
      spectral += frameDistances(a, b);
      mel += melDistances(a, b, filters);
    },
    means: () => ({
      siSdr: decibels / heard,
      logSpectral: spectral / frames,
      mel: mel / frames,
    }),
  };
}

/** In dB; undefined of silence. */
export function siSdrOf(original: Float32Array, made: Float32Array): number | undefined {
  const mean = (values: Float32Array) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const [a, b] = [mean(original), mean(made)];
  let [power, product] = [0, 0];
  original.forEach((value, i) => {
    power += (value - a) ** 2;
    product += (value - a) * ((made[i] as number) - b);
  });
  if (power === 0) return undefined;
  const scale = product / power;
  let noise = 0;
  original.forEach((value, i) => {
    noise += (scale * (value - a) - ((made[i] as number) - b)) ** 2;
  });
  const most = 100; // what is the same, and what is made of silence, have a number too
  const ratio = 10 * Math.log10((scale ** 2 * power) / noise);
  return Number.isNaN(ratio) ? -most : Math.max(-most, Math.min(most, ratio));
}

/** The sum over frames of the root mean square of differences in dB. */
function frameDistances({ frames, bins, magnitudes }: Spectra, other: Spectra): number {
  const level = (value: number) => 20 * Math.log10(Math.max(value, floor));
  let sum = 0;
  for (let frame = 0; frame < frames; frame++) {
    let square = 0;
    for (let i = frame * bins; i < (frame + 1) * bins; i++) {
      square += (level(magnitudes[i] as number) - level(other.magnitudes[i] as number)) ** 2;
    }
    sum += Math.sqrt(square / bins);
  }
  return sum;
}

function melDistances(a: Spectra, b: Spectra, filters: readonly Filter[]): number {
  const [first, second] = [logMel(a, filters), logMel(b, filters)];
  let sum = 0;
  for (let i = 0; i < first.length; i++) {
    sum += Math.abs((first[i] as number) - (second[i] as number));
  }
  return sum / filters.length;
}

/** Logarithms of mel magnitudes, `[frames, bands]`. */
export function logMel({ frames, bins, magnitudes }: Spectra, filters: readonly Filter[]) {
  const levels = new Float64Array(frames * filters.length);
  for (let frame = 0; frame < frames; frame++) {
    filters.forEach(({ first, weights }, band) => {
      let sum = 0;
      for (const [i, weight] of weights.entries()) {
        sum += weight * (magnitudes[frame * bins + first + i] as number);
      }
      levels[frame * filters.length + band] = Math.log10(Math.max(sum, floor));
    });
  }
  return levels;
}

/** The frequencies that a band weighs, from `first` on. */
export interface Filter {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Triangles that are equally far apart in mel, `2595 log10(1 + f / 700)`; each meets a frequency. */
export function melFilters(sampleRate: number, size: number): Filter[] {
  const top = 2595 * Math.log10(1 + sampleRate / 1400);
  const hertz = (i: number) => 700 * (10 ** ((top * i) / (bands + 1) / 2595) - 1);
  return Array.from({ length: bands }, (_, band) => {
    const [low, middle, high] = [hertz(band), hertz(band + 1), hertz(band + 2)];
    const weightOf = (bin: number) => {
      const f = (bin * sampleRate) / size;
      return Math.max(0, Math.min((f - low) / (middle - low), (high - f) / (high - middle)));
    };
    const first = Math.ceil((low * size) / sampleRate);
    const last = Math.floor((high * size) / sampleRate);
    const weights = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
      weightOf(first + i),
    );
    if (weights.some((weight) => weight > 0)) return { first, weights };
    return { first: Math.round((middle * size) / sampleRate), weights: [1] };
  });
}
