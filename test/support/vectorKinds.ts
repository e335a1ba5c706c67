import fc from "fast-check";
import { uniformFrom } from "../../packages/vector-quantize/src/kernels/clustering/uniform.ts";

/** A number of a vector: the `place`th that is drawn; `group` is one of few for all of a vector. */
export type VectorKind = (next: () => number, group: number, place: number) => number;

const normal = (next: () => number) =>
  Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

/**
 * The same for codes that a kernel compares in one lane of one panel, k, k + 4 and, in wide panels,
 * k + 8; another for all others.
 */
function laneOf(place: number): number {
  const block = Math.floor(place / 24);
  const inBlock = place % 24;
  return 24 * block + (inBlock < (block % 2 === 0 ? 8 : 12) ? inBlock % 4 : inBlock);
}

/** Searches on generated data for each kind and test; `VQ_SEARCHES=1000` makes it a campaign. */
export const searches = Number(process.env.VQ_SEARCHES ?? 200);

/** Data on which exact searches are compared. */
export const vectorKinds: Record<string, VectorKind> = {
  gaussian: normal,
  uniform: (next) => next(),
  clustered: (next, group) => 3 * Math.sin(group * 12.9) + 0.05 * normal(next),
  "heavy-tailed": (next) => normal(next) / (1e-4 + next() ** 3),
  constant: (_, group) => group,
  "duplicated codes": (next) => Math.floor(3 * next()),
  denormal: (next) => 1e-40 * normal(next),
  "scaled by 1e20": (next) => 1e20 * normal(next),
  "scaled by 1e11": (next) => 1e11 * normal(next),
  "of many lengths": (next, group) => 4 ** group * normal(next),
  offset: (next) => 1e4 + normal(next),
  // Most are almost one vector, a lane at a time; the others are almost equally far from all of them.
  "near ties in a lane": (next, group, place) =>
    3 * Math.sin(12.9 * laneOf(place)) + (group > 0 ? 0.3 : 1e-7) * normal(next),
};

/** Sizes of a search, and a seed for its numbers. */
export const searchSizes = {
  seed: fc.integer({ min: 1, max: 2 ** 30 }),
  dim: fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 1, max: 70 }) },
    { weight: 1, arbitrary: fc.integer({ min: 71, max: 1024 }) },
  ),
  size: fc.oneof(
    { weight: 10, arbitrary: fc.integer({ min: 1, max: 100 }) },
    { weight: 1, arbitrary: fc.integer({ min: 500, max: 1100 }) },
  ),
  rows: fc.integer({ min: 1, max: 30 }),
};

/** Draws `[count, dim]` numbers of a kind. */
export function generator(kind: VectorKind, seed: number, dim: number) {
  const next = uniformFrom(seed);
  return (count: number): Float32Array<ArrayBuffer> => {
    const values = new Float32Array(count * dim);
    for (let n = 0; n < count; n++) {
      const group = Math.floor(5 * next()) - 2;
      for (let d = 0; d < dim; d++) values[n * dim + d] = kind(next, group, n);
    }
    return values;
  };
}
