import { uniformFrom } from "../clustering/uniform.ts";

/** Rounds of signs, transforms and steps between halves; enough to make any direction look like any other. */
const ROUNDS = 4;

/** A rotation of `padded` numbers, a multiple of 16, that is drawn by its seed: `assembly/scan/rotate.ts`. */
export interface KacRotation {
  readonly padded: number;
  /** -1 and 1, `[rounds, padded]`. */
  readonly signs: Float32Array;
}

/** The rotation for vectors of `dim` numbers, filled up with zeros. */
export function kacRotation(dim: number, seed: number): KacRotation {
  const padded = Math.ceil(dim / 16) * 16;
  const next = uniformFrom(seed);
  const signs = Float32Array.from({ length: ROUNDS * padded }, () => (next() < 0.5 ? -1 : 1));
  return { padded, signs };
}

/** A row of numbers, filled up with zeros and rotated: the bits that the kernel gives. */
export function rotated(row: Float32Array, { padded, signs }: KacRotation): Float32Array {
  const y = new Float32Array(padded);
  y.set(row);
  let span = 16;
  while (span * 2 <= padded) span *= 2;
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < padded; i++) y[i]! *= signs[round * padded + i]!;
    hadamard(round % 2 === 1 ? y.subarray(padded - span) : y.subarray(0, span));
    if (span !== padded) halves(y);
  }
  return y;
}

function hadamard(x: Float32Array): void {
  for (let step = 1; step < x.length; step *= 2) {
    for (let first = 0; first < x.length; first += 2 * step) {
      for (let i = first; i < first + step; i++) {
        const [a, b] = [x[i]!, x[i + step]!];
        x[i] = a + b;
        x[i + step] = a - b;
      }
    }
  }
  const scale = Math.fround(1 / Math.sqrt(x.length));
  for (let i = 0; i < x.length; i++) x[i]! *= scale;
}

function halves(x: Float32Array): void {
  const half = x.length / 2;
  const scale = Math.fround(Math.SQRT1_2);
  for (let i = 0; i < half; i++) {
    const [a, b] = [x[i]!, x[i + half]!];
    x[i] = Math.fround(a + b) * scale;
    x[i + half] = Math.fround(a - b) * scale;
  }
}
