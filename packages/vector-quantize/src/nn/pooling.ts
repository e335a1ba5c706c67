import { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import { optionTable } from "../options/table.ts";
import { type Axis, bothReaches, laidOut, oneRow, reachOf, windowsOn } from "./axis.ts";
import type { Axes } from "./convolution.ts";
import { checkImages, checkRoom, checkSeries, mostSide } from "./images.ts";
import { type Layer, type NoParams, noParameters } from "./layer.ts";
import { bothSides, type Sides, sides } from "./sides.ts";

/** Options of `maxPool` and `avgPool`. */
export class WindowOptions {
  /** Pixels a side of a window, or `[vertical, horizontal]`; for series one number. Default 2. */
  readonly window?: Sides = sides(2, 1, mostSide);
  /**
   * Pixels from one window to the next, or `[vertical, horizontal]`. Where it is given, pixels that
   * fill no window at the end are left out; else the windows lie side by side and must fill the input.
   * Default: the window.
   */
  readonly stride?: Sides = sides(({ window }) => window, 1, mostSide);
}

/**
 * A layer that makes one value of each window of images `[B, H, W, C]` or series `[B, T, C]`.
 *
 * @param run what it does with images; a series is an image of one row
 */
export function poolLayer(
  name: "maxPool" | "avgPool",
  given: WindowOptions,
  run: (images: np.Array, axes: Axes) => np.Array,
): Layer<NoParams> {
  const { options, config } = optionTable<WindowOptions>(name, [WindowOptions]).read(given);
  const fills = config.stride === undefined;

  /** The axes of images or series of `shape`: two or one. */
  function axesFor(shape: readonly number[]): readonly Axis[] {
    const isSeries = shape.length === 3;
    (isSeries ? checkSeries : checkImages)(name, shape);
    const axes = isSeries ? [alongSeries(name, options)] : axesOf(options);
    checkFilled(name, axes, shape.slice(1, -1), fills);
    return axes;
  }

  return {
    config,
    ...bothReaches(axesOf(options), reachOf),
    init: noParameters,
    apply(_params, x) {
      const [down, across] = axesFor(x.shape) as [Axis, Axis?];
      if (across) return run(x, [down, across]);
      return np.squeeze(run(np.expandDims(x, 1), [oneRow, down]), 1);
    },
    work(shape) {
      const axes = axesFor(shape);
      const [down, across = oneRow] = axes as [Axis, Axis?];
      const window = [down.size, across.size] as const;
      // A byte for each output says which of its window is the largest.
      if (window[0] * window[1] > 256) return undefined;
      const lengths = axes.map((axis, at) => windowsOn(axis, shape[at + 1]!));
      const outputShape = [shape[0]!, ...lengths, shape.at(-1)!];
      const work = { kind: "windows", name, inputShape: shape, outputShape, window } as const;
      const sideBySide = axes.every(
        ({ size, stride }, at) => size === stride && shape[at + 1]! % size === 0,
      );
      return sideBySide ? work : { ...work, stride: [down.stride, across.stride] };
    },
  };
}

/**
 * What the windows see, pixel after pixel of a window, row by row: arrays `[B, H', W', C]`, as many as a
 * window has pixels. Takes `x`.
 */
export function windowPixels(x: np.Array, axes: Axes): np.Array[] {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [rows, columns] = [laidOut(axes[0], height), laidOut(axes[1], width)];
  const none = [0, 0] as [number, number];
  const used = x.slice([], [0, rows.used], [0, columns.used], []);
  const phases = np
    .pad(used, [none, rows.zeros, columns.zeros, none])
    .reshape([batch, rows.steps, rows.stride, columns.steps, columns.stride, channels]);
  const pixels = rows.taps.flatMap((row) =>
    columns.taps.map((column) =>
      phases.ref.slice(
        [],
        [row.offset, row.offset + rows.count],
        rows.phases[row.phase]!,
        [column.offset, column.offset + columns.count],
        columns.phases[column.phase]!,
        [],
      ),
    ),
  );
  phases.dispose();
  return pixels;
}

const windowAxis = (size: number, stride: number): Axis => ({ ...oneRow, size, stride });

function axesOf({ window, stride }: Required<WindowOptions>): Axes {
  const [sizes, strides] = [bothSides(window), bothSides(stride)];
  return [windowAxis(sizes[0], strides[0]), windowAxis(sizes[1], strides[1])];
}

function alongSeries(name: string, { window, stride }: Required<WindowOptions>): Axis {
  for (const [option, value] of Object.entries({ window, stride })) {
    if (typeof value === "number") continue;
    throw expected(`${name}: ${option} for series [B, T, C]`, "a number", value);
  }
  return windowAxis(window as number, stride as number);
}

/** Throws unless there is a window, and no pixel outside of them if they are to fill the input. */
function checkFilled(
  name: string,
  axes: readonly Axis[],
  lengths: readonly number[],
  fills: boolean,
): void {
  const sizes = axes.map(({ size }) => size);
  if (!fills) {
    checkRoom(name, lengths, sizes);
    return;
  }
  if (lengths.every((length, at) => length % sizes[at]! === 0)) return;
  const square = sizes.every((size) => size === sizes[0]);
  const what = `multiples of window (${square ? sizes[0] : sizes.join(" x ")})`;
  const mend = "With a stride, what fills no window is left out";
  throw expected(`${name}: ${axes.length === 1 ? "length" : "image sides"}`, what, lengths, mend);
}
