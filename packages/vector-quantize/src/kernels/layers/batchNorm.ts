import type { Kernel } from "../engine/pool.ts";
import { checkBatchRows } from "./batchRows.ts";
import {
  type Addresses,
  type BackwardCall,
  type LayerPlan,
  type Shapes,
  sizeOf,
} from "./layerPlan.ts";
import { addColumnSums, blocksOf, sumTree } from "./reductions.ts";
import type { Workspace } from "./workspace.ts";

/** Normalisation of each channel, the last axis: in training over all else, in evaluation by its state. */
export interface BatchNormWork extends Shapes {
  readonly kind: "batchNorm";
  readonly momentum: number;
  readonly eps: number;
}

type Named<Name extends string> = { readonly [name in Name]: number };

/**
 * The layer on typed arrays. Parameters: `weight` and `bias`; state: `mean` and `variance`. For the way back
 * it keeps its input and, of each channel, the batch's mean and `1 / sqrt(variance + eps)`.
 */
export function planBatchNorm(given: BatchNormWork): LayerPlan {
  const { inputShape, outputShape, momentum, eps } = given;
  const size = sizeOf(inputShape);
  const columns = inputShape.at(-1) as number;
  const rows = size / columns;
  // So many rows of channels side by side are whole vectors.
  const wide = columns % 4 === 0 ? 1 : columns % 2 === 0 ? 2 : 4;
  const width = wide * columns;

  /** A buffer of lists of numbers of channels, each as often as it takes. */
  function repeated(work: Workspace, ...lists: readonly Float32Array[]): number {
    const buffer = work.take(lists.length * width);
    const all = work.floats(buffer, lists.length * width);
    for (const [at, list] of lists.entries()) {
      for (let row = 0; row < wide; row++) all.set(list, at * width + row * columns);
    }
    return buffer;
  }

  /** `numbers` as `mixColumns` has them: means, factors, shifts and, with `dy`, its factors. */
  async function mix(work: Workspace, places: readonly number[], numbers: number) {
    const args = [...places, numbers, 4 * width];
    await work.run(work.kernels.mixColumns, Math.ceil(size / 4), args, { work: 8 * size });
  }

  /** For each channel the sum of `(x - mean) z`: `z` is `dy`, or the first factor if that is 0. */
  async function centred(work: Workspace, x: number, dy: number, means: Float32Array) {
    const own = repeated(work, means);
    const bytes = 4 * Math.ceil(columns / 4) * 4;
    const { blocks, blockUnits } = blocksOf(Math.ceil(rows / wide), bytes);
    const sums = work.take((blocks * bytes) / 4);
    const args = [x, dy, own, rows, columns, wide, blockUnits * wide, sums, bytes];
    const kernel: Kernel = work.kernels.centredColumns;
    await work.run(kernel, blocks, args, { work: 8 * size, scratch: 4 * width });
    await sumTree(work, sums, blocks, bytes);
    const found = work.floats(sums, columns).slice();
    work.release(own, sums);
    return found;
  }

  /** For each channel the sum over all rows. */
  async function columnSums(work: Workspace, x: number): Promise<Float32Array> {
    const sums = work.take(columns);
    work.floats(sums, columns).fill(0);
    await addColumnSums(work, x, [rows, columns], sums);
    const found = work.floats(sums, columns).slice();
    work.release(sums);
    return found;
  }

  async function momentsOf(work: Workspace, x: number, state: Named<"mean" | "variance">) {
    const mean = (await columnSums(work, x)).map((sum) => sum / rows);
    const variance = (await centred(work, x, 0, mean)).map((sum) => sum / rows);
    const move = (at: number, batch: Float32Array, factor: number) => {
      const running = work.floats(at, columns);
      for (const [c, value] of batch.entries()) {
        running[c] = (running[c] as number) * (1 - momentum) + value * momentum * factor;
      }
    };
    move(state.mean, mean, 1);
    move(state.variance, variance, rows / (rows - 1));
    return { mean, variance };
  }

  return {
    inputShape,
    outputShape,
    trains: true,
    async forward(work, params, x, { training, state }) {
      const { weight, bias } = params as unknown as Named<"weight" | "bias">;
      const running = state as unknown as Named<"mean" | "variance">;
      if (training) checkBatchRows(inputShape);
      const read = (at: number) => work.floats(at, columns).slice();
      const { mean, variance } = training
        ? await momentsOf(work, x, running)
        : { mean: read(running.mean), variance: read(running.variance) };
      const scales = variance.map((value) => 1 / Math.sqrt(value + eps));
      const factors = read(weight).map((value, c) => value * (scales[c] as number));
      const numbers = repeated(work, mean, factors, read(bias));
      const y = work.take(size);
      await mix(work, [x, 0, y], numbers);
      work.release(numbers);
      if (training) return { y, kept: [x, work.copyOf(mean), work.copyOf(scales)] };
      work.release(x);
      return { y, kept: [] };
    },
    async backward(work, { params, gradients, kept, dy: by }: BackwardCall) {
      const dy = work.ours(by, size);
      const { weight } = params as unknown as Named<"weight">;
      const to = gradients as unknown as Named<"weight" | "bias">;
      const [x, meanAt, scalesAt] = kept as readonly [number, number, number];
      const read = (at: number) => work.floats(at, columns).slice();
      const [mean, scales, weights] = [read(meanAt), read(scalesAt), read(weight)];
      const sums = await columnSums(work, dy);
      const products = await centred(work, x, dy, mean);
      add(work, to.bias, sums);
      add(
        work,
        to.weight,
        products.map((sum, c) => sum * (scales[c] as number)),
      );
      // dx = f (dy - mean(dy) - s^2 (x - mean) mean(dy (x - mean))), with f = weight s.
      const byOutput = weights.map((value, c) => value * (scales[c] as number));
      const byInput = byOutput.map(
        (f, c) => (-f * (scales[c] as number) ** 2 * (products[c] as number)) / rows,
      );
      const shifts = byOutput.map((f, c) => (-f * (sums[c] as number)) / rows);
      const numbers = repeated(work, mean, byInput, shifts, byOutput);
      await mix(work, [x, dy, dy], numbers);
      work.release(x, meanAt, scalesAt, numbers);
      return dy;
    },
  };
}

function add(work: Workspace, at: Addresses, more: Float32Array): void {
  const sums = work.floats(at as number, more.length);
  for (const [i, value] of more.entries()) sums[i] = (sums[i] as number) + value;
}
