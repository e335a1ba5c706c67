import { type BackwardCall, type LayerPlan, type Shapes, sizeOf } from "./layerPlan.ts";
import { blocksOf, sumTree } from "./reductions.ts";

/** Layer normalisation over the last axis. */
export interface LayerNormWork extends Shapes {
  readonly kind: "layerNorm";
  readonly eps: number;
}

interface WeightAndBias {
  readonly weight: number;
  readonly bias: number;
}

/** The layer on typed arrays. Parameters: `weight` and `bias`. */
export function planLayerNorm({ inputShape, outputShape, eps }: LayerNormWork): LayerPlan {
  const size = sizeOf(inputShape);
  const features = inputShape.at(-1) as number;
  const rows = size / features;
  return {
    inputShape,
    outputShape,
    async forward(work, params, x, training) {
      const { weight, bias } = params as unknown as WeightAndBias;
      const y = work.take(size);
      const moments = training ? work.take(2 * rows) : 0;
      const args = [x, y, moments, features, weight, bias, eps];
      await work.run(work.kernels.layerNorm, rows, args, { work: 16 * size });
      if (training) return { y, kept: [x, moments] };
      work.release(x);
      return { y, kept: [] };
    },
    async backward(work, { params, gradients, kept, dy }: BackwardCall) {
      const { weight } = params as unknown as WeightAndBias;
      const [x, moments] = kept as readonly [number, number];
      const bytes = Math.ceil((8 * features) / 16) * 16;
      const { blocks, blockUnits } = blocksOf(rows, bytes);
      const sums = work.take((blocks * bytes) / 4);
      const args = [x, dy, moments, features, weight, rows, blockUnits, sums, bytes];
      await work.run(work.kernels.layerNormBack, blocks, args, { work: 32 * size });
      await sumTree(work, sums, blocks, bytes);
      const to = gradients as unknown as WeightAndBias;
      [to.weight, to.bias].forEach((gradient, i) => {
        const found = work.floats(sums + 4 * features * i, features);
        const total = work.floats(gradient, features);
        for (let c = 0; c < features; c++) total[c] = (total[c] as number) + (found[c] as number);
      });
      work.release(x, moments, sums);
      return dy;
    },
  };
}
