/** Draws of rows with probability proportional to what they weigh, their mass. */

/** Rows whose masses are summed together; part of the definition of a draw. */
export const DRAW_BLOCK = 256;

/** The masses of all rows, as draws need them. */
export interface Masses {
  /** Gives every row the distance `value`: its mass is that times its weight. */
  fill(value: number): void;
  /** The sum of each block of rows. */
  sums(): Promise<Float64Array>;
  /** The row at `rest` within a block, whose mass becomes 0, and what is left of the block's sum. */
  take(block: number, rest: number): Promise<TakenRow>;
}

export interface TakenRow {
  readonly row: number;
  readonly left: number;
}

/** Sums of blocks as a tree, so that a draw takes as many steps as there are digits in their number. */
export class SumTree {
  /** The sums from `#leaves` on; each before is that of the two at twice its place. */
  readonly #sums: Float64Array;
  readonly #leaves: number;

  constructor(sums: Float64Array) {
    this.#leaves = 2 ** Math.ceil(Math.log2(Math.max(1, sums.length)));
    this.#sums = new Float64Array(2 * this.#leaves);
    this.#sums.set(sums, this.#leaves);
    for (let at = this.#leaves - 1; at > 0; at--) this.#addUp(at);
  }

  get total(): number {
    return this.#sums[1]!;
  }

  /** The block that `position`, below the total, lies in, and how far in it. Not one of sum 0. */
  find(position: number): { block: number; rest: number } {
    let rest = position;
    let at = 1;
    while (at < this.#leaves) {
      at *= 2;
      const left = this.#sums[at]!;
      if (rest < left || this.#sums[at + 1] === 0) continue;
      rest -= left;
      at++;
    }
    return { block: at - this.#leaves, rest };
  }

  set(block: number, sum: number): void {
    let at = block + this.#leaves;
    this.#sums[at] = sum;
    while (at > 1) {
      at = Math.floor(at / 2);
      this.#addUp(at);
    }
  }

  #addUp(at: number): void {
    this.#sums[at] = this.#sums[2 * at]! + this.#sums[2 * at + 1]!;
  }
}

/**
 * `count` different rows, each drawn with probability proportional to its mass among those that are left;
 * fewer if the others have none.
 */
export async function drawByMass(
  masses: Masses,
  next: () => number,
  count: number,
): Promise<Int32Array> {
  const tree = new SumTree(await masses.sums());
  const rows: number[] = [];
  while (rows.length < count && tree.total > 0) {
    const { block, rest } = tree.find(next() * tree.total);
    const { row, left } = await masses.take(block, rest);
    tree.set(block, left);
    rows.push(row);
  }
  return Int32Array.from(rows);
}

/** The masses of rows in ordinary memory: their distances times their weights. */
export function massesOf(
  distances: () => Float32Array,
  weights: () => Float32Array | undefined,
): Masses {
  // A product of two float32 is exact.
  const massOf = (row: number, all: Float32Array) => all[row]! * (weights()?.[row] ?? 1);
  const sumOf = (block: number, all: Float32Array) => {
    const end = Math.min((block + 1) * DRAW_BLOCK, all.length);
    let sum = 0;
    for (let row = block * DRAW_BLOCK; row < end; row++) sum += massOf(row, all);
    return sum;
  };
  return {
    fill: (value) => distances().fill(value),
    async sums() {
      const all = distances();
      const blocks = Math.ceil(all.length / DRAW_BLOCK);
      return Float64Array.from({ length: blocks }, (_, block) => sumOf(block, all));
    },
    async take(block, position) {
      const all = distances();
      const end = Math.min((block + 1) * DRAW_BLOCK, all.length);
      let rest = position;
      let found = -1;
      for (let row = block * DRAW_BLOCK; row < end; row++) {
        const mass = massOf(row, all);
        if (mass === 0) continue;
        found = row; // where rounding leaves a rest at the end, the last row that has a mass
        if (rest < mass) break;
        rest -= mass;
      }
      all[found] = 0;
      return { row: found, left: sumOf(block, all) };
    },
  };
}
