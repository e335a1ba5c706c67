import { numpy as np, tree } from "@jax-js/jax";
import { settled, solid } from "../tracing.ts";
import { type Axis, type LaidAxis, laidOut } from "./axis.ts";

/** How a kernel slides over the rows of images, and over their columns. */
export type Axes = readonly [down: Axis, across: Axis];

/**
 * 2-D convolution (cross-correlation) as a sum of shifted matrix products.
 *
 * The zero-padded images are laid end to end as one matrix of pixels `[M, C]`. In it, the pixel that
 * tap `(i, j)` of the kernel meets lies `i * rowLength + j` rows below the output's, wherever the
 * output is; so every tap is one matrix product with a window of that matrix, and the pixels that
 * hang over an image's edge are cut off at the end. Images share their padding: what lies right of
 * a row is the left padding of the next. With a stride, there is such a matrix for each phase.
 *
 * Products, sums and cuts, forward and backward, are forms that jax-js runs with SIMD on Wasm; its
 * own convolution is about 15 times slower there. A matrix of all patches (im2col) costs more than it
 * saves: copying the patches takes as long as the shorter products save.
 *
 * @param x images `[B, H, W, C]`, large enough for a window
 * @param kernel `[k, l, C / groups, F]`; the features are those of the first group, the second, ...
 * @returns `[B, H', W', F]`
 */
export function convolve(x: np.Array, kernel: np.Array, axes: Axes, groups = 1): np.Array {
  const [batch, height, width] = x.shape as [number, number, number];
  const [, , inside, features] = kernel.shape as [number, number, number, number];
  const laid = [laidOut(axes[0], height), laidOut(axes[1], width)] as const;
  const [rows, columns] = laid;
  const pixels = batch * rows.steps * columns.steps; // M
  const matrices = phaseMatrices(x, laid, inside, groups);
  let sum: np.Array | undefined; // [M, F], or [groups, M, F / groups]
  for (const [i, row] of rows.taps.entries()) {
    for (const [j, column] of columns.taps.entries()) {
      const matrix = matrices[row.phase]![column.phase]!.ref;
      const offset = row.offset * columns.steps + column.offset;
      const window = [offset, offset + pixels] as [number, number];
      const product = multiplied(matrix, window, kernel.ref.slice(i, j), groups);
      sum = sum ? sum.add(product) : product;
    }
  }
  tree.dispose(matrices);
  kernel.dispose();
  const grouped = (sum as np.Array).ndim === 3;
  const finished = settled(sum as np.Array, grouped ? 1 : 0);
  const joined = grouped ? finished.transpose([1, 0, 2]) : finished;
  return joined
    .reshape([batch, rows.steps, columns.steps, features])
    .slice([], [0, rows.count], [0, columns.count], []);
}

/**
 * The pixels of each phase, end to end, with zeros behind them as far as a window reaches:
 * `[M + tail, C]`, or `[groups, M + tail, C / groups]`.
 */
function phaseMatrices(
  x: np.Array,
  [rows, columns]: readonly [LaidAxis, LaidAxis],
  inside: number,
  groups: number,
): np.Array[][] {
  const [batch, , , channels] = x.shape as [number, number, number, number];
  const pixels = batch * rows.steps * columns.steps;
  const tail = rows.lastOffset * columns.steps + columns.lastOffset;
  const none = [0, 0] as [number, number];
  const used = x.slice([], [0, rows.used], [0, columns.used], []);
  const padded = np.pad(used, [none, rows.zeros, columns.zeros, none]);
  const phases = padded.reshape([
    ...[batch, rows.steps, rows.stride],
    ...[columns.steps, columns.stride, channels],
  ]);
  const matrices = rows.phases.map((i) =>
    columns.phases.map((j) => {
      const phase = phases.ref.slice([], [], i, [], j, []);
      if (groups > 1 && inside > 1) {
        const parts = phase.reshape([pixels, groups, inside]).transpose([1, 0, 2]);
        return np.pad(parts, [none, [0, tail], none]);
      }
      const matrix = np.pad(phase.reshape([pixels, channels]), [[0, tail], none]);
      // What meets a matrix product is computed once anyway; the products of numbers would pad each time.
      return inside === 1 ? settled(solid(matrix)) : matrix;
    }),
  );
  phases.dispose();
  return matrices;
}

/** Rows `window` of a phase's matrix, times one tap of the kernel, `[C / groups, F]`. */
function multiplied(
  matrix: np.Array,
  window: [number, number],
  tap: np.Array,
  groups: number,
): np.Array {
  const [inside, features] = tap.shape as [number, number];
  // A product over one channel is a product of numbers, and fuses with the sum.
  if (inside === 1) return spread(matrix.slice(window, []), features, groups).mul(tap);
  if (groups === 1) return np.matmul(matrix.slice(window, []), tap);
  const taps = tap.reshape([inside, groups, features / groups]).transpose([1, 0, 2]);
  return np.matmul(matrix.slice([], window, []), taps); // [groups, M, F / groups]
}

/** Each of `groups` channels as often as it has features: `[M, groups]` to what goes with `[M, F]`. */
function spread(x: np.Array, features: number, groups: number): np.Array {
  if (groups === 1 || groups === features) return x;
  const rows = x.shape[0] as number;
  const each = features / groups;
  return np
    .broadcastTo(x.reshape([rows, groups, 1]), [rows, groups, each])
    .reshape([rows, features]);
}
