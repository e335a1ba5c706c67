import type { AxisReach, ImageReach } from "./reach.ts";

/** How a window slides along one axis of the input: a convolution's kernel, or a pool's. */
export interface Axis {
  /** Pixels that the window looks at. */
  readonly size: number;
  /** Pixels from one window to the next. */
  readonly stride: number;
  /** Pixels from one that the window looks at to the next. */
  readonly dilation: number;
  /** Zeros in front of the input. */
  readonly front: number;
  /** Zeros behind it. */
  readonly behind: number;
}

/** Along the one row of a series. */
export const oneRow: Axis = { size: 1, stride: 1, dilation: 1, front: 0, behind: 0 };

/** From the first pixel that the window looks at to the last, both counted. */
export const extentOf = ({ size, dilation }: Pick<Axis, "size" | "dilation">): number =>
  (size - 1) * dilation + 1;

/** How many windows there are on `length` pixels. */
export const windowsOn = (axis: Axis, length: number): number =>
  Math.floor((length + axis.front + axis.behind - extentOf(axis)) / axis.stride) + 1;

/** The fewest pixels that have a window. */
export const leastLength = (axis: Axis): number =>
  Math.max(1, extentOf(axis) - axis.front - axis.behind);

/**
 * An axis cut into steps of `stride` pixels.
 *
 * Pixels that are `stride` apart are a *phase*. All windows meet a tap of theirs in one phase, at the
 * step `offset` behind the window's number.
 */
export interface LaidAxis {
  /** Windows. */
  readonly count: number;
  /** Pixels of the input, from the first on, that some window reaches. */
  readonly used: number;
  /** Zeros in front and behind; with the used pixels they make `steps * stride`. */
  readonly zeros: [front: number, behind: number];
  readonly steps: number;
  readonly stride: number;
  /** The phases that windows meet. */
  readonly phases: readonly number[];
  /** The phase that a tap meets, as its place in `phases`, and the offset. */
  readonly taps: readonly { readonly phase: number; readonly offset: number }[];
  readonly lastOffset: number;
}

/**
 * Lays `axis` out on `length` pixels for inputs that lie end to end in memory: where windows reach
 * further than the steps, they meet the zeros in front of the next input.
 */
export function laidOut(axis: Axis, length: number): LaidAxis {
  const { size, stride, dilation, front } = axis;
  const count = windowsOn(axis, length);
  const used = Math.min(length, (count - 1) * stride + extentOf(axis) - front);
  const places = Array.from({ length: size }, (_, tap) => tap * dilation);
  const phases = [...new Set(places.map((place) => place % stride))];
  const lastOffset = Math.floor((extentOf(axis) - 1) / stride);
  const steps = Math.max(
    count + lastOffset - Math.floor(front / stride),
    Math.ceil((front + used) / stride),
  );
  return {
    ...{ count, used, steps, stride, phases, lastOffset },
    zeros: [front, steps * stride - front - used],
    taps: places.map((place) => ({
      phase: phases.indexOf(place % stride),
      offset: Math.floor(place / stride),
    })),
  };
}

/**
 * How far windows see. Undefined where their number is not that of the inputs divided by the stride: then
 * the places of a tile's outputs are not those of the whole's.
 *
 * @param up how many times the input is enlarged before
 */
export function reachOf(axis: Axis, up = 1): AxisReach | undefined {
  const { stride, front, behind } = axis;
  const extent = extentOf(axis);
  const zeros = front + behind;
  if (zeros >= extent || zeros < extent - stride) return undefined;
  const after = extent - stride - front;
  const together = stride === 1 && extent > 1 ? (up === 1 ? 4 : 2) : 1;
  return { down: stride, up, before: front, after, together };
}

/** How far the outputs of a transposed convolution see; undefined as for `reachOf`. */
export function transposedReachOf(axis: Axis): AxisReach | undefined {
  const { stride, front, behind } = axis;
  const extent = extentOf(axis);
  if (extent - front - behind !== stride) return undefined;
  const before = extent - 1 - front;
  const together = stride === 1 && extent > 1 ? 4 : 1;
  return { down: 1, up: stride, before, after: front, together };
}

/** Both axes of an image, if they have a reach. */
export function bothReaches(
  axes: readonly Axis[],
  of: (axis: Axis) => AxisReach | undefined,
): { reach?: ImageReach } {
  const [down, across] = axes.map((axis) => of(axis));
  return down && across ? { reach: [down, across] } : {};
}
