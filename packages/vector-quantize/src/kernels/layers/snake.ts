import { type BackwardCall, type LayerPlan, type Shapes, sizeOf } from "./layerPlan.ts";
import { blocksOf, sumTree } from "./reductions.ts";
import type { Workspace } from "./workspace.ts";

/** `x + sin(alpha x)^2 / (alpha + 1e-9)` over the last axis. */
export interface SnakeWork extends Shapes {
  readonly kind: "snake";
}

/** The layer on typed arrays. Parameter: `alpha`. */
export function planSnake({ inputShape, outputShape }: SnakeWork): LayerPlan {
  const size = sizeOf(inputShape);
  const channels = inputShape.at(-1) as number;
  const vectors = Math.ceil(size / 4);
  // So many rows of alphas side by side are whole vectors.
  const wide = channels % 4 === 0 ? 1 : channels % 2 === 0 ? 2 : 4;
  const width = wide * channels;

  function repeated(work: Workspace, params: unknown): number {
    const { alpha } = params as { readonly alpha: number };
    const alphas = work.take(width);
    const own = work.floats(alpha, channels).slice();
    for (let row = 0; row < wide; row++) work.floats(alphas, width).set(own, row * channels);
    return alphas;
  }

  return {
    inputShape,
    outputShape,
    trains: true,
    async forward(work, params, x, { training }) {
      const alphas = repeated(work, params);
      const y = work.take(size);
      const args = [x, y, alphas, 4 * width];
      await work.run(work.kernels.snake, vectors, args, { work: 40 * size });
      work.release(alphas);
      if (training) return { y, kept: x };
      work.release(x);
      return { y, kept: [] };
    },
    async backward(work, { params, gradients, kept, dy: by }: BackwardCall) {
      const dy = work.ours(by, size);
      const x = kept as number;
      const alphas = repeated(work, params);
      // What is past the last number counts for nothing.
      work.floats(dy, 4 * vectors).fill(0, size);
      work.floats(x, 4 * vectors).fill(0, size);
      const rows = Math.ceil(size / width);
      const { blocks, blockUnits } = blocksOf(rows, 4 * width);
      const sums = work.take(blocks * width);
      const blockVectors = (blockUnits * width) / 4;
      const args = [x, dy, alphas, 4 * width, vectors, blockVectors, sums];
      await work.run(work.kernels.snakeBack, blocks, args, { work: 60 * size });
      await sumTree(work, sums, blocks, 4 * width);
      const { alpha } = gradients as unknown as { readonly alpha: number };
      for (let row = 0; row < wide; row++) work.add(alpha, sums + 4 * row * channels, channels);
      work.release(x, alphas, sums);
      return dy;
    },
  };
}
