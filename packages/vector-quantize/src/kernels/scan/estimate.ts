import { checkBytes, expected } from "../../errors.ts";
import { rotated } from "./kacRotation.ts";
import type { SignParts } from "./signParts.ts";
import { checkUsable, unitVectors } from "./vectors.ts";

/** How sure a bound is, in standard deviations: one error in some 16,000 is larger. The paper takes 1.9. */
const SURE = 4;

/** What codes tell about distances. */
export interface CodeEstimates {
  /** `[N]`: squared Euclidean distances, 1 - cosines, or less inner products; unbiased. */
  readonly distances: Float64Array;
  /** `[N]`: what the true ones differ by, at most, but for one in some thousands. */
  readonly bounds: Float64Array;
}

/** The numbers of a code. */
interface Code {
  /** Odd numbers from 1 - 2^bits to 2^bits - 1, `[padded]`. */
  readonly levels: Float64Array;
  readonly addend: number;
  readonly factor: number;
}

/** The codes of `[N, bytes]`; throws unless they are whole. */
function codesOf(where: string, coder: SignParts, codes: Uint8Array): Code[] {
  checkBytes(where, codes);
  const { bits, bytes, rotation } = coder;
  if (codes.length % bytes !== 0) {
    throw expected(`${where} length`, `a multiple of ${bytes} bytes`, codes.length);
  }
  const planeBytes = rotation.padded / 8;
  return Array.from({ length: codes.length / bytes }, (_, n) => {
    const code = codes.subarray(n * bytes, (n + 1) * bytes);
    const levels = Float64Array.from({ length: rotation.padded }, (_, i) => {
      let value = 0;
      for (let plane = 0; plane < bits; plane++) {
        value = 2 * value + ((code[plane * planeBytes + (i >> 3)]! >> (i & 7)) & 1);
      }
      return 2 * value - (2 ** bits - 1);
    });
    const factors = new DataView(code.buffer, code.byteOffset + bytes - 8, 8);
    return { levels, addend: factors.getFloat32(0, true), factor: factors.getFloat32(4, true) };
  });
}

/** Estimates and their bounds, in float64. */
export function estimate(coder: SignParts, codes: Uint8Array, query: Float32Array): CodeEstimates {
  const { dim, metric, rotation, settings } = coder;
  if (checkUsable("estimate: query", query, dim) !== 1) {
    throw expected("estimate: query", `${dim} numbers`, query.length);
  }
  const unit = metric === "cosine" ? unitVectors(query, dim) : query;
  const apart = unit.map((value, i) => value - settings.center[i]!);
  const turned = rotated(apart, rotation);
  const half = metric === "euclidean" ? 1 : 0.5;
  let squares = 0;
  let along = 0;
  for (const [i, value] of apart.entries()) {
    squares += value * value;
    along += unit[i]! * settings.center[i]!;
  }
  const base = metric === "dot" ? -along : half * squares;
  const found = codesOf("estimate: codes", coder, codes).map(({ levels, addend, factor }) => {
    let product = 0;
    let norm = 0;
    for (const [i, level] of levels.entries()) {
      product += level * turned[i]!;
      norm += level * level;
    }
    // The code times its ratio is the vector and what is at right angles to it, in a random direction.
    const ratio = metric === "dot" ? -factor : -factor / (2 * half);
    const own = metric === "dot" ? 0 : addend / half;
    const rest = Math.max(0, ratio * ratio * norm - own);
    const error = SURE * Math.sqrt((rest * squares) / Math.max(1, levels.length - 1));
    return {
      distance: base + addend + factor * product,
      bound: metric === "euclidean" ? 2 * error : error,
    };
  });
  return {
    distances: Float64Array.from(found, ({ distance }) => distance),
    bounds: Float64Array.from(found, ({ bound }) => bound),
  };
}
