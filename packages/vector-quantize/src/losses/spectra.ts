/** What spectra are compared by: windows, frequencies and mel bands, as plain numbers. */

/** Spectra of frames of `size` samples, a quarter of that apart. */
export interface SpectrumScale {
  /** Samples of a frame, a power of 2. */
  readonly size: number;
  /** Mel bands. */
  readonly bands: number;
}

/** Least magnitude that logarithms tell apart: 100 dB below a sine of amplitude 1. */
export const spectralFloor = 1e-5;
/** Added to squared magnitudes, so that there is a slope at 0. */
export const spectralSoftness = 1e-12;

export const hopOf = ({ size }: SpectrumScale): number => size / 4;
export const binsOf = ({ size }: SpectrumScale): number => size / 2 + 1;

/** Frames of `length` samples: one is centred on every hop, from the first sample on. */
export const framesOf = (scale: SpectrumScale, length: number): number =>
  Math.floor(length / hopOf(scale)) + 1;

/** Hann's window (periodic), twice over its sum: so a sine of amplitude 1 has magnitude 1. */
export function windowOf({ size }: SpectrumScale): Float64Array {
  return Float64Array.from(
    { length: size },
    (_, i) => (2 / size) * (1 - Math.cos((2 * Math.PI * i) / size)),
  );
}

/** The frequencies that a band weighs, from `first` on. */
export interface Band {
  readonly first: number;
  readonly weights: readonly number[];
}

/**
 * Triangles of height 1 between points that are equally far apart in mel, `2595 log10(1 + f / 700)`, from
 * 0 to half the rate: torchaudio's `MelScale` with its defaults. Narrow ones may meet no frequency.
 */
export function melBands(scale: SpectrumScale, sampleRate: number): Band[] {
  const { size, bands } = scale;
  const top = 2595 * Math.log10(1 + sampleRate / 2 / 700);
  const pointAt = (i: number) => 700 * (10 ** ((top * i) / (bands + 1) / 2595) - 1);
  return Array.from({ length: bands }, (_, band) => {
    const [low, middle, high] = [0, 1, 2].map((i) => pointAt(band + i)) as [number, number, number];
    const weightAt = (bin: number) => {
      const f = (bin * sampleRate) / size;
      return Math.max(0, Math.min((f - low) / (middle - low), (high - f) / (high - middle)));
    };
    const all = Array.from({ length: binsOf(scale) }, (_, bin) => weightAt(bin));
    const first = Math.max(
      0,
      all.findIndex((weight) => weight > 0),
    );
    const last = all.findLastIndex((weight) => weight > 0);
    return { first, weights: all.slice(first, last + 1) };
  });
}
