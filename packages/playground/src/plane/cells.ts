import { numpy as np, tree } from "@jax-js/jax";
import type { Quantizer, Variables } from "vector-quantize";
import { reach } from "./plane.ts";
import { type HostIndices, planeCodes } from "./planeCodes.ts";

/** Middles of the squares of a grid over the plane, the upper row first. */
function gridPoints(side: number, half: number): Float32Array<ArrayBuffer> {
  const points = new Float32Array(2 * side * side);
  const place = (at: number) => (((at + 0.5) / side) * 2 - 1) * half;
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      points.set([place(column), -place(row)], 2 * (row * side + column));
    }
  }
  return points;
}

/** The code of the first layer of each vector, and a number of the whole row of codes. */
export function cellsOf({ layers, codes }: HostIndices, sizes: readonly number[]) {
  const count = codes.length / layers;
  const first = new Uint16Array(count);
  const within = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    first[i] = Math.max(0, codes[i * layers] as number);
    let rest = 0;
    for (let q = 1; q < layers; q++) {
      rest = rest * ((sizes[q] ?? 1) + 1) + (codes[i * layers + q] as number) + 1;
    }
    within[i] = rest;
  }
  return { first, within };
}

/** To which codes each place of the plane belongs. */
export interface Cells {
  readonly side: number;
  readonly first: Uint16Array<ArrayBuffer>;
  readonly within: Uint32Array<ArrayBuffer>;
}

const sides = [240, 120, 60];
/** Milliseconds; a grid that takes longer is made coarser, one that takes a quarter of it finer. */
const patience = 50;

/**
 * Finds the cells of a square plane by asking the quantizer itself: so they are right whatever it is.
 *
 * @param half the plane goes from minus this to this
 */
export function createCellFinder(half = reach) {
  let level = sides.length - 1;
  let grid = gridPoints(sides[level] as number, half);
  return async (quantizer: Quantizer, variables: Variables): Promise<Cells> => {
    const start = performance.now();
    const count = grid.length / 2;
    const x = np.array(grid.slice(), { shape: [count, 2] });
    const indices = await quantizer.encode(tree.ref(variables as never) as Variables, x);
    const { sizes, read } = planeCodes(quantizer);
    const found = read((await indices.data()) as Int32Array);
    const cells = { side: Math.sqrt(count), ...cellsOf(found, sizes) };
    const took = performance.now() - start;
    const by = took > patience ? 1 : took < patience / 4 ? -1 : 0;
    const next = sides[level + by];
    if (by !== 0 && next !== undefined) {
      level += by;
      grid = gridPoints(next, half);
    }
    return cells;
  };
}
