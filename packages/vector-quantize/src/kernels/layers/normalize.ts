import { type BackwardCall, type LayerPlan, type Shapes, sizeOf } from "./layerPlan.ts";
import { blocksOf, sumTree } from "./reductions.ts";

/** Normalisation over the positions of an image and the channels of a group, or of each row. */
export interface NormalizeWork extends Shapes {
  readonly kind: "normalize";
  readonly images: number;
  readonly positions: number;
  readonly groups: number;
  readonly eps: number;
}

interface WeightAndBias {
  readonly weight: number;
  readonly bias: number;
}

/** The layer on typed arrays. Parameters: `weight` and `bias`. */
export function planNormalize(given: NormalizeWork): LayerPlan {
  const { inputShape, outputShape, images, positions, groups, eps } = given;
  const size = sizeOf(inputShape);
  const channels = inputShape.at(-1) as number;
  const sizes = [positions, groups, channels];
  return {
    inputShape,
    outputShape,
    trains: true,
    async forward(work, params, x, { training }) {
      const { weight, bias } = params as unknown as WeightAndBias;
      const y = work.take(size);
      const moments = training ? work.take(2 * images * groups) : 0;
      const args = [x, y, moments, ...sizes, weight, bias, eps];
      await work.run(work.kernels.normalize, images, args, { work: 56 * size });
      if (training) return { y, kept: [x, moments] };
      work.release(x);
      return { y, kept: [] };
    },
    async backward(work, { params, gradients, kept, dy: by }: BackwardCall) {
      const dy = work.ours(by, size);
      const { weight } = params as unknown as WeightAndBias;
      const [x, moments] = kept as readonly [number, number];
      const bytes = Math.ceil((8 * channels) / 16) * 16;
      const { blocks, blockUnits } = blocksOf(images, bytes);
      const sums = work.take((blocks * bytes) / 4);
      const args = [x, dy, moments, ...sizes, weight, images, blockUnits, sums, bytes];
      await work.run(work.kernels.normalizeBack, blocks, args, { work: 48 * size });
      await sumTree(work, sums, blocks, bytes);
      const to = gradients as unknown as WeightAndBias;
      work.add(to.weight, sums, channels);
      work.add(to.bias, sums + 4 * channels, channels);
      work.release(x, moments, sums);
      return dy;
    },
  };
}
