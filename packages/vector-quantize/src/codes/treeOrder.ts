import { checkInteger, expected } from "../errors.ts";

/** Steps of power iteration for a direction: it needs to be good, not exact. */
const steps = 8;

/**
 * An order of codes in which neighbours are alike, for `CodeLayer.order`: the codes are halved along the
 * direction in which they vary most, and the halves again. Then the high bits of a place tell about
 * what the code looks like. The same on every machine: sums, products and roots alone.
 *
 * @param codebook code vectors, `[K, dim]`, one after another.
 * @param dim features of a code.
 * @returns the place of each code, `[K]`.
 * @throws VectorQuantizeError if the codebook isn't finite, or not so many vectors.
 */
export function treeOrder(codebook: Float32Array, dim: number): Uint32Array<ArrayBuffer> {
  checkInteger("treeOrder: dim", dim);
  const size = codebook?.length / dim;
  checkInteger("treeOrder: codebook.length / dim", size);
  const wrong = codebook.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0)
    throw expected(`treeOrder: codebook[${wrong}]`, "a finite number", codebook[wrong]);
  const codes = Uint32Array.from({ length: size }, (_, k) => k);
  halve(codebook, dim, codes);
  const places = new Uint32Array(size);
  codes.forEach((code, place) => {
    places[code] = place;
  });
  return places;
}

/** Sorts `codes` into halves, in place. */
function halve(codebook: Float32Array, dim: number, codes: Uint32Array): void {
  if (codes.length < 3) return;
  const direction = mainDirection(codebook, dim, codes);
  const along = new Float64Array(codebook.length / dim);
  for (const code of codes) along[code] = dot(codebook, code * dim, direction);
  codes.sort((a, b) => along[a]! - along[b]! || a - b);
  let half = 1; // the largest power of two below the length: where the highest bit changes
  while (half * 2 < codes.length) half *= 2;
  halve(codebook, dim, codes.subarray(0, half));
  halve(codebook, dim, codes.subarray(half));
}

function dot(codebook: Float32Array, at: number, direction: Float64Array): number {
  let sum = 0;
  for (let d = 0; d < direction.length; d++) sum += codebook[at + d]! * direction[d]!;
  return sum;
}

/** The direction in which codes vary most, by power iteration from the axis in which they do. */
function mainDirection(codebook: Float32Array, dim: number, codes: Uint32Array): Float64Array {
  const mean = new Float64Array(dim);
  for (const code of codes) {
    for (let d = 0; d < dim; d++) mean[d]! += codebook[code * dim + d]! / codes.length;
  }
  let direction = widestAxis(codebook, mean, codes);
  for (let step = 0; step < steps; step++) {
    const next = new Float64Array(dim);
    const middle = dot(Float32Array.from(mean), 0, direction);
    for (const code of codes) {
      const along = dot(codebook, code * dim, direction) - middle;
      for (let d = 0; d < dim; d++) next[d]! += along * (codebook[code * dim + d]! - mean[d]!);
    }
    const length = Math.sqrt(next.reduce((sum, value) => sum + value * value, 0));
    if (!(length > 0 && length < Number.POSITIVE_INFINITY)) break;
    direction = next.map((value) => value / length);
  }
  return direction;
}

function widestAxis(codebook: Float32Array, mean: Float64Array, codes: Uint32Array): Float64Array {
  const spread = mean.map((middle, d) =>
    codes.reduce((sum, code) => sum + (codebook[code * mean.length + d]! - middle) ** 2, 0),
  );
  const axis = new Float64Array(mean.length);
  axis[spread.indexOf(spread.reduce((a, b) => (b > a ? b : a)))] = 1;
  return axis;
}
