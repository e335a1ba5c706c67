import type { ResidualLevelCodec, ResidualLevels } from "./residualLevelCodec.ts";

const f = Math.fround;

/** Reference of `encodeResidualLevels`, in float32 step by step. */
export function encodeResidualLevelsReference(
  { codec, scales, bound }: ResidualLevelCodec,
  vectors: Float32Array,
): ResidualLevels {
  const { dim, levels, basis, thresholds, values } = codec;
  const layers = scales.length;
  const rows = vectors.length / dim;
  const indices = new Int32Array(rows * layers);
  let invalidRows = 0;
  for (let n = 0; n < rows; n++) {
    let first = 0; // where this dimension's values start
    let bad = false;
    for (let d = 0; d < dim; d++) {
      const x = vectors[n * dim + d]!;
      bad ||= !Number.isFinite(x);
      let r = bound ? bounded(x, bound, d) : x;
      for (let q = 0; q < layers; q++) {
        const scale = f(scales[q]![d]!);
        const z = f(r * f(1 / scale));
        let level = 0;
        for (let j = 0; j < levels[d]! - 1; j++) if (z >= thresholds[first - d + j]!) level++;
        indices[n * layers + q]! += level * Number(basis[d]!);
        r = f(r - f(values[first + level]! * scale));
      }
      first += levels[d]!;
    }
    if (!bad) continue;
    invalidRows++;
    indices.fill(-1, n * layers, (n + 1) * layers);
  }
  return { indices, invalidRows };
}

function bounded(x: number, bound: readonly (readonly number[])[], d: number): number {
  const [a, b, c, e, g, h] = bound.map((row) => f(row[d]!)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return f(f(f(f(tanh(f(f(x * a) + b)) * c) - e) * g) * h);
}

const INVERSE_LN2 = f(1 / Math.LN2);
const LN2 = f(Math.LN2);
const COEFFICIENTS = [1 / 120, 1 / 24, 1 / 6, 0.5, 1, 1].map(f);

/** Twin of `assembly/levels/tanh.ts`. */
function tanh(x: number): number {
  const sign = x < 0 ? 1 : -1;
  const y = f(x * sign * 2);
  const scaled = f(y * INVERSE_LN2);
  const down = Math.floor(scaled);
  const above = scaled - down;
  const k = above > 0.5 || (above === 0.5 && down % 2 !== 0) ? down + 1 : down;
  const r = f(y - f(k * LN2));
  const p = COEFFICIENTS.reduce((sum, next) => f(f(sum * r) + next), f(1 / 720));
  const e = k < -126 ? 0 : f(p * 2 ** k);
  return f(f(f(e - 1) * f(1 / f(e + 1))) * sign);
}

/** Reference of `decodeResidualLevels`. */
export function decodeResidualLevelsReference(
  { codec, scales }: ResidualLevelCodec,
  indices: Int32Array,
): Float32Array<ArrayBuffer> {
  const { dim, levels, basis, values } = codec;
  const layers = scales.length;
  const out = new Float32Array((indices.length / layers) * dim);
  for (let at = 0; at < indices.length; at++) {
    const index = indices[at]!;
    if (index < 0) continue;
    const row = Math.floor(at / layers);
    let first = 0;
    for (let d = 0; d < dim; d++) {
      const level = Math.floor(index / Number(basis[d]!)) % levels[d]!;
      const code = f(values[first + level]! * f(scales[at % layers]![d]!));
      out[row * dim + d] = f(out[row * dim + d]! + code);
      first += levels[d]!;
    }
  }
  return out;
}
