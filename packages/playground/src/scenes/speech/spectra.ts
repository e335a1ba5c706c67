import { numpy as np } from "@jax-js/jax";
import { frame, type LoudnessGrid } from "./contract.ts";

type Numbers = Float32Array<ArrayBuffer>;

/** Loud numbers are made smaller than soft ones, so that noise of the codes hides where it is loud. */
const power = 0.6;
const compress = (value: number) => Math.sign(value) * Math.abs(value) ** power;
const expand = (value: number) => Math.sign(value) * Math.abs(value) ** (1 / power);

const size = 2 * frame;

/** `[2 N, N]`: the modified discrete cosine transform under a sine window. */
function basis(): Numbers {
  const values = new Float32Array(size * frame);
  for (let n = 0; n < size; n++) {
    const window = Math.sin((Math.PI / size) * (n + 0.5)) * Math.sqrt(2 / frame);
    for (let k = 0; k < frame; k++) {
      values[n * frame + k] =
        window * Math.cos((Math.PI / frame) * (n + 0.5 + frame / 2) * (k + 0.5));
    }
  }
  return values;
}

/** Overlapping pieces of a sound, `hop` apart, as the rows of a matrix. */
function pieces(samples: Numbers, count: number, hop: number, before: number): np.Array {
  const rows = new Float32Array(count * size);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < size; i++) rows[row * size + i] = samples[row * hop + i - before] ?? 0;
  }
  return np.array(rows, { shape: [count, size] });
}

const matrix = () => np.array(basis(), { shape: [size, frame] });

/**
 * A sound as vectors, `[frames, frame]`: each has the strengths of its frequencies. Nothing is lost: frames
 * overlap by half, and `toSound` adds them up again.
 */
export async function spectralFrames(samples: Numbers): Promise<Numbers> {
  const count = Math.ceil(samples.length / frame) + 1;
  const spectra = np.matmul(pieces(samples, count, frame, frame), matrix());
  return Float32Array.from((await spectra.data()) as Float32Array, compress);
}

/** The sound of vectors. */
export async function toSound(vectors: ArrayLike<number>, length: number): Promise<Numbers> {
  const count = vectors.length / frame;
  const spectra = np.array(Float32Array.from(vectors, expand), { shape: [count, frame] });
  const rows = (await np.matmul(spectra, np.transpose(matrix())).data()) as Float32Array;
  const samples = new Float32Array(length);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < size; i++) {
      const at = (row - 1) * frame + i;
      if (at >= 0 && at < length)
        samples[at] = (samples[at] as number) + (rows[row * size + i] as number);
    }
  }
  return samples;
}

const mostColumns = 480;
/** dB between black and white. */
const range = 60;

/** Loudness by Fourier transform under a Hann window. */
export async function spectrogramOf(samples: Numbers): Promise<LoudnessGrid> {
  const hop = Math.max(frame, Math.ceil(samples.length / mostColumns));
  const columns = Math.ceil(samples.length / hop);
  const waves = [Math.cos, Math.sin].map((wave) => {
    const values = new Float32Array(size * frame);
    for (let n = 0; n < size; n++) {
      const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size);
      for (let k = 0; k < frame; k++) {
        values[n * frame + k] = window * wave((2 * Math.PI * n * k) / size);
      }
    }
    return np.array(values, { shape: [size, frame] });
  }) as [np.Array, np.Array];
  const rows = pieces(samples, columns, hop, frame);
  const [real, imaginary] = [np.matmul(rows.ref, waves[0]), np.matmul(rows, waves[1])];
  const powers = (await np.square(real).add(np.square(imaginary)).data()) as Float32Array;
  const loudest = (frame / 2) ** 2;
  const levels = Uint8Array.from(powers, (value) => {
    const decibel = 10 * Math.log10(value / loudest + 1e-12);
    return Math.max(0, Math.min(255, 255 * (1 + decibel / range)));
  });
  return { columns, rows: frame, levels };
}

/** `10 log10` of the power of a sound by that of what is wrong with another. */
export function signalToNoise(signal: Numbers, other: Numbers): number {
  let [own, noise] = [0, 0];
  for (const [i, value] of signal.entries()) {
    own += value ** 2;
    noise += (value - (other[i] as number)) ** 2;
  }
  return 10 * Math.log10(own / noise);
}
