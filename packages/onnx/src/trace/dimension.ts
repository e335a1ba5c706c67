/** Sizes of axes as formulas of the free axes of the input, found from a program's traces. */

/** A size: a number, or `scale * (product of some free axes) + offset`. */
export type Dimension = number | FreeDimension;

export interface FreeDimension {
  /** Numerator and denominator, without common divisor. */
  readonly scale: readonly [number, number];
  /** Which free axes are multiplied, by their place. */
  readonly axes: readonly number[];
  readonly offset: number;
}

export const isFree = (size: Dimension): size is FreeDimension => typeof size !== "number";

export const sameDimension = (a: Dimension, b: Dimension): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

/** The product of two sizes, if it is a formula. */
export function timesDimension(a: Dimension, b: Dimension): Dimension | undefined {
  if (!isFree(a)) return isFree(b) ? timesDimension(b, a) : a * b;
  const { scale, axes, offset } = a;
  if (!isFree(b)) {
    return { scale: reduced(scale[0] * b, scale[1]), axes, offset: offset * b };
  }
  if (offset !== 0 || b.offset !== 0 || axes.some((axis) => b.axes.includes(axis)))
    return undefined;
  return {
    scale: reduced(scale[0] * b.scale[0], scale[1] * b.scale[1]),
    axes: [...axes, ...b.axes].sort((one, other) => one - other),
    offset: 0,
  };
}

/** The free axes of an input, and their lengths in each trace. */
export class FreeAxes {
  readonly names: readonly string[];
  /** What the length of each axis is divisible by. */
  readonly multiples: readonly number[];
  /** The lengths in each trace: first ones, then one after another longer alone, then others for all. */
  readonly lengths: readonly (readonly number[])[];

  constructor(names: readonly string[], multiples: readonly number[]) {
    this.names = names;
    this.multiples = multiples;
    const [first, longer, other] = [0, 1, 2].map((which) =>
      multiples.map((multiple, at) => multiple * traced[which]![at]!),
    ) as [number[], number[], number[]];
    this.lengths = [
      first,
      ...names.map((_, alone) => first.map((length, at) => (at === alone ? longer[at]! : length))),
      other,
    ];
  }

  /**
   * The size that is `values` in the traces, if there is a formula of it: one that grows by whole numbers
   * where lengths grow by their multiples.
   */
  fit(values: readonly number[]): Dimension | undefined {
    const [first, ...others] = values as [number, ...number[]];
    if (others.every((value) => value === first)) return first;
    const base = this.lengths[0] as readonly number[];
    const axes = base.flatMap((_, at) => (others[at] === first ? [] : [at]));
    const [some] = axes;
    if (some === undefined) return undefined;
    const rest = axes.reduce((product, at) => (at === some ? product : product * base[at]!), 1);
    const step = (this.lengths[some + 1]![some]! - base[some]!) * rest;
    const scale = reduced(others[some]! - first, step);
    const offset = first - (scale[0] * rest * base[some]!) / scale[1];
    const found: FreeDimension = { scale, axes, offset };
    const fits = values.every((value, trace) => sizeAt(found, this.lengths[trace]!) === value);
    const growth = axes.reduce((product, at) => product * this.multiples[at]!, scale[0]);
    const whole = growth % scale[1] === 0 && Number.isInteger(offset);
    return fits && whole ? found : undefined;
  }

  /** The formula in words: what a file calls such an axis. */
  describe({ scale: [times, by], axes, offset }: FreeDimension): string {
    const product = axes.map((at) => this.names[at]).join(" * ");
    const scaled = `${times === 1 ? "" : `${times} * `}${product}${by === 1 ? "" : ` / ${by}`}`;
    if (offset === 0) return scaled;
    return `${scaled} ${offset < 0 ? "-" : "+"} ${Math.abs(offset)}`;
  }

  /** The place of the free axis that a size is, if it is one as it stands. */
  axisOf({ scale: [times, by], axes, offset }: FreeDimension): number | undefined {
    return times === 1 && by === 1 && offset === 0 && axes.length === 1 ? axes[0] : undefined;
  }
}

/**
 * Few, so that searches in large codebooks are not taken in parts: 256 vectors of images at most. In a
 * trace all are different, so that axes are told apart.
 */
const traced = [
  [3, 5, 7, 4, 9, 10],
  [5, 9, 11, 13, 17, 19],
  [2, 6, 8, 7, 11, 13],
];

/** As many free axes as there are lengths for. */
export const mostFreeAxes = 6;

const sizeAt = ({ scale, axes, offset }: FreeDimension, lengths: readonly number[]): number =>
  (axes.reduce((product, at) => product * lengths[at]!, scale[0]) + offset * scale[1]) / scale[1];

function reduced(numerator: number, denominator: number): [number, number] {
  const divisor = commonDivisor(Math.abs(numerator), denominator);
  return [numerator / divisor, denominator / divisor];
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));
