import type { QueryTables } from "./codeQuantizer.ts";
import { rotated } from "./kacRotation.ts";
import { type SignParts, spreads, type TurnedCenters } from "./signParts.ts";
import { quantizeNibblesReference } from "./tables.reference.ts";
import { unitVectors } from "./vectors.ts";

/** Reference of `encodeSigns`: the same bits. */
export function signCodesReference(
  coder: SignParts,
  { shifted, turned }: TurnedCenters,
  vectors: Float32Array,
  cells: Int32Array | undefined,
  codes: Uint8Array,
): void {
  const { dim, bits, bytes, metric, rotation, settings } = coder;
  const { padded } = rotation;
  const units = metric === "cosine" ? unitVectors(vectors, dim) : vectors;
  for (let n = 0; n < vectors.length / dim; n++) {
    const cell = cells === undefined ? 0 : cells[n]!;
    const shift = shifted.subarray(cell * padded, (cell + 1) * padded);
    const turn = turned.subarray(cell * padded, (cell + 1) * padded);
    const x = units.subarray(n * dim, (n + 1) * dim);
    const row = rotated(
      x.map((value, i) => value - settings.center[i]!),
      rotation,
    );
    const rest = row.map((value, i) => value - shift[i]!);
    const signs = Float64Array.from(rest, (r) => (r < 0 ? -1 : 1));
    const code = codes.subarray(n * bytes, (n + 1) * bytes);
    const factors = new DataView(code.buffer, code.byteOffset + bits * (padded / 8));
    const put = (at: number, levels: Float64Array) => {
      const { addend, factor } = factorsOf(metric, rest, levels, shift, turn);
      factors.setFloat32(at, addend, true);
      factors.setFloat32(at + 4, factor, true);
    };
    put(0, signs);
    const levels = bits === 1 ? signs : bestLevels(rest, bits);
    if (bits > 1) put(8, levels);
    packLevels(levels, bits, code);
  }
}

/** Levels of a row, odd numbers from 1 - 2^bits to 2^bits - 1: those whose direction is most like its own. */
function bestLevels(row: Float32Array, bits: number): Float64Array {
  const top = 2 ** (bits - 1) - 1;
  const spread = spreads[bits - 1]!;
  let squares = 0;
  for (const r of row) squares += r * r;
  const levelsAt = (scale: number) =>
    Float64Array.from(row, (r) => 2 * Math.min(Math.floor(Math.abs(r) * scale), top) + 1);
  let best = -1;
  let found = levelsAt(0);
  const middle = Math.sqrt(row.length / squares) / spread;
  for (let i = 0; i < 13 && squares > 0; i++) {
    const levels = levelsAt(middle * (0.7 + 0.05 * i));
    let product = 0;
    let norm = 0;
    for (const [d, level] of levels.entries()) {
      product += level * Math.abs(row[d]!);
      norm += level * level;
    }
    const likeness = (product * product) / norm;
    if (likeness > best) [best, found] = [likeness, levels];
  }
  return found.map((level, d) => (row[d]! < 0 ? -level : level));
}

function factorsOf(
  metric: SignParts["metric"],
  row: Float32Array,
  levels: Float64Array,
  shift: Float32Array,
  turn: Float32Array,
): { addend: number; factor: number } {
  let [squares, sizes, crossed, along] = [0, 0, 0, 0];
  for (const [i, r] of row.entries()) {
    squares += r * r;
    sizes += Math.abs(levels[i]!) * Math.abs(r);
    crossed += levels[i]! * shift[i]!;
    along += r * turn[i]!;
  }
  const ratio = sizes > 0 ? squares / sizes : 0;
  if (metric === "dot") return { addend: ratio * crossed - along, factor: -ratio };
  const half = metric === "euclidean" ? 1 : 0.5;
  return { addend: half * squares + 2 * half * ratio * crossed, factor: -2 * half * ratio };
}

/** The bits of `(level + 2^bits - 1) / 2`, the highest ones first, each in a plane of its own. */
function packLevels(levels: Float64Array, bits: number, code: Uint8Array): void {
  const planeBytes = levels.length / 8;
  for (const [i, level] of levels.entries()) {
    const value = (level + 2 ** bits - 1) / 2;
    for (let plane = 0; plane < bits; plane++) {
      const bit = (value >> (bits - 1 - plane)) & 1;
      code[plane * planeBytes + (i >> 3)]! |= bit << (i & 7);
    }
  }
}

/** Reference of `prepareSigns`: the same bits. */
export function prepareSignsReference(coder: SignParts, query: Float32Array): QueryTables {
  const { rotation, settings } = coder;
  const row = rotated(
    query.map((value, i) => value - settings.center[i]!),
    rotation,
  );
  const parts = row.length / 4;
  const floats = new Float32Array(parts * 16);
  const add = (a: number, b: number) => Math.fround(a + b);
  let sum = 0;
  for (let m = 0; m < parts; m++) {
    const [a = 0, b = 0, c = 0, d = 0] = row.subarray(4 * m, 4 * m + 4);
    sum = add(sum, add(add(a, b), add(c, d)));
    for (let code = 0; code < 16; code++) {
      let value = add(code & 1 ? a : 0, code & 2 ? b : 0);
      if (code & 4) value = add(value, c);
      if (code & 8) value = add(value, d);
      floats[16 * m + code] = value;
    }
  }
  const { small, start, step } = quantizeNibblesReference(floats);
  const constants = Float32Array.of(add(2 * start, -sum), 2 * step, sum);
  return { floats, small, constants };
}
