import { numpy as np } from "@jax-js/jax";
import { type Axis, extentOf } from "./axis.ts";
import { type Axes, convolve } from "./convolution.ts";
import { interleaved } from "./spaceToDepth.ts";

/**
 * The transpose of `convolve`: each input adds its multiple of the kernel to the output, `stride`
 * pixels from the next one's. Of the sum, `front` and `behind` pixels are cut off the ends; a negative
 * `behind` adds zeros there.
 *
 * Of `stride` outputs side by side each is a sum over the same inputs with weights of its own. So this
 * is a convolution of stride 1 on the small images, with a kernel of `stride` times the features a
 * side, whose outputs are then put side by side.
 *
 * @param x images `[B, H, W, C]`
 * @param kernel `[k, l, C, F / groups]`; the channels are those of the first group, the second, ...
 * @returns `[B, H', W', F]` with `H' = lengthAfter(axes[0], H)`
 */
export function convolveTransposed(
  x: np.Array,
  kernel: np.Array,
  axes: Axes,
  groups = 1,
): np.Array {
  const [, height, width] = x.shape as [number, number, number];
  const [rows, columns] = [stretched(axes[0], height), stretched(axes[1], width)];
  const strides = [axes[0].stride, axes[1].stride] as const;
  const small = sideBySide(kernel, axes, groups);
  const y = convolve(x, small, [rows.axis, columns.axis], groups);
  return interleaved(y, strides, groups).slice([], rows.kept, columns.kept, []);
}

/** Pixels of the transposed convolution's output for `length` of the input. */
export const lengthAfter = (axis: Axis, length: number): number =>
  (length - 1) * axis.stride + extentOf(axis) - axis.front - axis.behind;

/** The fewest pixels of the input that leave one of the output. */
export const leastBefore = (axis: Axis): number =>
  Math.max(1, 1 + Math.ceil((1 - lengthAfter(axis, 1)) / axis.stride));

/** The axis of the convolution on small images, and what is kept of the pixels it makes. */
function stretched(axis: Axis, length: number): { axis: Axis; kept: [number, number] } {
  const { stride, front, behind } = axis;
  const extent = extentOf(axis);
  const size = Math.ceil(extent / stride);
  const skipped = Math.floor(front / stride);
  const first = front - skipped * stride;
  const zeros = [size - 1 - skipped, Math.ceil((extent - behind) / stride) - 1] as const;
  return {
    axis: { size, stride: 1, dilation: 1, front: zeros[0], behind: zeros[1] },
    kept: [first, first + lengthAfter(axis, length)],
  };
}

/**
 * The kernel on small images: `[k, l, C, F / groups]` to `[k', l', C / groups, strides * F]`, where
 * `k' = ceil(extent / stride)`. Its last weight meets the input that the first of the outputs is at.
 */
function sideBySide(kernel: np.Array, axes: Axes, groups: number): np.Array {
  const [, , channels, features] = kernel.shape as [number, number, number, number];
  const inside = channels / groups;
  const [down, across] = axes;
  const spread = spreadOut(spreadOut(kernel, 0, down), 1, across);
  const [high, wide] = [spread.shape[0]! / down.stride, spread.shape[1]! / across.stride];
  const cut = spread.reshape([
    ...[high, down.stride, wide, across.stride],
    ...[groups, inside, features],
  ]);
  return np
    .flip(cut, [0, 2])
    .transpose([0, 2, 5, 4, 1, 3, 6]) // [k', l', C / groups, groups, stride, stride, F / groups]
    .reshape([high, wide, inside, groups * down.stride * across.stride * features]);
}

/** The weights along one axis, `dilation` apart, with zeros between and up to a multiple of `stride`. */
function spreadOut(kernel: np.Array, at: number, axis: Axis): np.Array {
  const { size, stride, dilation } = axis;
  const { shape } = kernel;
  const padded = (x: np.Array, place: number, zeros: number) =>
    np.pad(
      x,
      x.shape.map((_, each): [number, number] => [0, each === place ? zeros : 0]),
    );
  const apart = padded(np.expandDims(kernel, at + 1), at + 1, dilation - 1);
  const extent = extentOf(axis);
  const long = apart.reshape(shape.map((length, each) => (each === at ? size * dilation : length)));
  const exact = long.slice(
    ...shape.map((_, each) => (each === at ? [0, extent] : []) as [number, number]),
  );
  return padded(exact, at, Math.ceil(extent / stride) * stride - extent);
}
