/**
 * How far a layer sees along one axis of an image: outputs `[from, to)` are made of inputs
 * `[floor((from down - before) / up), ceil((to down + after) / up))`. For inputs that are multiples of
 * `down` long, the output is `up / down` times as long.
 */
export interface AxisReach {
  /** Inputs from one output to the next. */
  readonly down: number;
  /** Outputs from one input to the next. */
  readonly up: number;
  /** Infinite where every output depends on all inputs. */
  readonly before: number;
  readonly after: number;
  /**
   * How many outputs the kernels may compute together, beginning at a multiple of it: what one is rounded to
   * depends on the inputs of all.
   */
  readonly together: number;
}

/** How far a layer sees along both axes of an image. */
export type ImageReach = readonly [down: AxisReach, across: AxisReach];

const onePixel: AxisReach = { down: 1, up: 1, before: 0, after: 0, together: 1 };
const everything: AxisReach = {
  ...onePixel,
  before: Number.POSITIVE_INFINITY,
  after: Number.POSITIVE_INFINITY,
};

/** Of layers whose every output is made of the one input at its place. */
export const itsOwnPixel: ImageReach = [onePixel, onePixel];

/** Of layers whose every output is made of all inputs. */
export const wholeImage: ImageReach = [everything, everything];

/** Of layers that cut images into blocks of pixels, or put them together: `down` or `up` at once. */
export function blocks(factors: { readonly down?: number; readonly up?: number }): ImageReach {
  const axis = { ...onePixel, ...factors };
  return [axis, axis];
}
