/** Spectra of frames of a sound, on a quarter of which the next one begins. */
export interface Spectra {
  readonly frames: number;
  readonly bins: number;
  /** Magnitudes `[frames, bins]`: 1 for a sine of amplitude 1. */
  readonly magnitudes: Float64Array;
}

/** Samples of a frame: 32 ms, or the next power of two. */
export const frameSize = (sampleRate: number) => 2 ** Math.ceil(Math.log2(0.032 * sampleRate));

/** Spectra under Hann's window. Frames are centred on every quarter of their size, zeros around the sound. */
export function spectraOf(samples: Float32Array, size: number): Spectra {
  const hop = size / 4;
  const frames = Math.floor(samples.length / hop) + 1;
  const bins = size / 2 + 1;
  const window = Float64Array.from(
    { length: size },
    (_, i) => (2 / size) * (1 - Math.cos((2 * Math.PI * i) / size)),
  );
  const transform = fourier(size);
  const magnitudes = new Float64Array(frames * bins);
  const [real, imaginary] = [new Float64Array(size), new Float64Array(size)];
  for (let frame = 0; frame < frames; frame++) {
    const begin = frame * hop - size / 2;
    for (let i = 0; i < size; i++) {
      real[i] = (samples[begin + i] ?? 0) * (window[i] as number);
    }
    imaginary.fill(0);
    transform(real, imaginary);
    for (let bin = 0; bin < bins; bin++) {
      magnitudes[frame * bins + bin] = Math.hypot(real[bin] as number, imaginary[bin] as number);
    }
  }
  return { frames, bins, magnitudes };
}

/** Fourier's transform in place, of a power of two of complex numbers (Cooley and Tukey, 1965). */
export function fourier(size: number): (real: Float64Array, imaginary: Float64Array) => void {
  const half = size / 2;
  const cosines = Float64Array.from({ length: half }, (_, i) => Math.cos((2 * Math.PI * i) / size));
  const sines = Float64Array.from({ length: half }, (_, i) => -Math.sin((2 * Math.PI * i) / size));
  const bits = Math.log2(size);
  const reversed = Uint32Array.from({ length: size }, (_, i) => {
    let turned = 0;
    for (let bit = 0; bit < bits; bit++) if (i & (1 << bit)) turned |= 1 << (bits - 1 - bit);
    return turned;
  });
  return (real, imaginary) => {
    for (let i = 0; i < size; i++) {
      const j = reversed[i] as number;
      if (j <= i) continue;
      [real[i], real[j]] = [real[j] as number, real[i] as number];
      [imaginary[i], imaginary[j]] = [imaginary[j] as number, imaginary[i] as number];
    }
    for (let span = 1; span < size; span *= 2) {
      const stride = half / span;
      for (let begin = 0; begin < size; begin += 2 * span) {
        for (let k = 0; k < span; k++) {
          const [a, b] = [begin + k, begin + k + span];
          const [c, s] = [cosines[k * stride] as number, sines[k * stride] as number];
          const [x, y] = [real[b] as number, imaginary[b] as number];
          const [re, im] = [c * x - s * y, c * y + s * x];
          real[b] = (real[a] as number) - re;
          imaginary[b] = (imaginary[a] as number) - im;
          real[a] = (real[a] as number) + re;
          imaginary[a] = (imaginary[a] as number) + im;
        }
      }
    }
  };
}
