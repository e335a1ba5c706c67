import type { Kernel } from "../engine/pool.ts";
import {
  type Direction,
  type PackedPart,
  type ProductPlan,
  planProducts,
} from "./convolutionPlan.ts";
import type { ConvolutionShape } from "./convolutionShape.ts";
import { type BackwardCall, type LayerPlan, type Shapes, sizeOf } from "./layerPlan.ts";
import { addColumnSums, blocksOf, sumTree } from "./reductions.ts";
import { planWinograd, type WinogradPlan } from "./winograd.ts";
import type { Workspace } from "./workspace.ts";

/** A convolution, a transposed one, or a linear map (of one position). */
export interface ConvolutionWork extends Shapes {
  readonly kind: "convolution";
  readonly batch: number;
  readonly shape: ConvolutionShape;
  /** Whether it runs as the way back of `shape`: from its output to its input. */
  readonly transposed: boolean;
  readonly bias: boolean;
}

/** Where a convolution's parameters lie. */
interface WeightAndBias {
  readonly weight: number;
  readonly bias?: number;
}

/** The layer on typed arrays. Parameters: `weight`, and `bias` if there is one. */
export function planConvolution(work: ConvolutionWork): LayerPlan {
  const { batch, shape, transposed, inputShape, outputShape, bias } = work;
  const [there, back] = transposed
    ? (["backward", "forward"] as const)
    : (["forward", "backward"] as const);
  const forward = mapOf(shape, there);
  let backward: LinearMap | undefined;
  const wayBack = () => {
    backward ??= mapOf(shape, back);
    return backward;
  };
  const outputs = outputShape.at(-1) as number;

  return {
    inputShape,
    outputShape,
    trains: true,
    async forward(work, params, x, { training }) {
      const { weight, bias: shift } = params as unknown as WeightAndBias;
      const zeros = bias ? 0 : work.take(outputs);
      if (!bias) work.floats(zeros, outputs).fill(0);
      const y = await forward.apply(work, batch, {
        x,
        weight,
        bias: bias ? (shift as number) : zeros,
        size: sizeOf(outputShape),
      });
      if (!bias) work.release(zeros);
      if (training) return { y, kept: [x] };
      work.release(x);
      return { y, kept: [] };
    },

    async backward(work, { params, gradients, kept, dy, wantsInput }: BackwardCall) {
      const { weight } = params as unknown as WeightAndBias;
      const gradient = gradients as unknown as WeightAndBias;
      const [x] = kept as readonly [number];
      const direct = forward.outerProducts <= wayBack().outerProducts;
      // Both ways are linear in the same weights: either gives their gradient.
      if (direct) await forward.addGradient(work, batch, x, dy, gradient.weight);
      else await wayBack().addGradient(work, batch, dy, x, gradient.weight);
      if (bias) {
        const rows = sizeOf(outputShape) / outputs;
        await addColumnSums(work, dy, [rows, outputs], gradient.bias as number);
      }
      work.release(x);
      if (!wantsInput) {
        work.release(dy);
        return 0;
      }
      const inputs = inputShape.at(-1) as number;
      const zeros = work.take(inputs);
      work.floats(zeros, inputs).fill(0);
      const dx = await wayBack().apply(work, batch, {
        x: dy,
        weight,
        bias: zeros,
        size: sizeOf(inputShape),
      });
      work.release(zeros, dy);
      return dx;
    },
  };
}

/** One direction, by the way that takes fewer products. */
function mapOf(shape: ConvolutionShape, direction: Direction): LinearMap {
  const winograd = planWinograd(shape, direction);
  if (winograd) return winogradMap(winograd);
  const { height, width, inChannels, outChannels, groups } = shape;
  const weights = (height.kernel * width.kernel * inChannels * outChannels) / groups;
  return productMap(planProducts(shape, direction), weights);
}

interface ApplyCall {
  readonly x: number;
  readonly weight: number;
  readonly bias: number;
  /** Floats of the output. */
  readonly size: number;
}

/** A linear map of images, and the gradient of its weights. */
interface LinearMap {
  /** Multiplications that the gradient of the weights takes for an image. */
  readonly outerProducts: number;
  apply(work: Workspace, batch: number, call: ApplyCall): Promise<number>;
  addGradient(
    work: Workspace,
    batch: number,
    x: number,
    dy: number,
    gradient: number,
  ): Promise<void>;
}

function productMap(plan: ProductPlan, weights: number): LinearMap {
  const { bands, scratchBytes, weightBytes, accumulatorBytes, parts } = plan;
  return mapOfKernels({
    image: plan.image,
    bands,
    scratchBytes,
    weightBytes,
    accumulatorBytes,
    products: plan.products,
    outerProducts: plan.outerProducts,
    kernels: ({ kernels }) => [kernels.convolve, kernels.convolutionOuter],
    async pack(work, weight, packed) {
      for (const part of parts) {
        await overTaps(work, work.kernels.packWeights, part, weights, weight, [
          packed + part.weights,
          part.narrowest,
        ]);
      }
    },
    async unpack(work, sums, gradient) {
      for (const part of parts) {
        await overTaps(work, work.kernels.unpackWeights, part, weights, gradient, [
          sums + part.accumulators,
          part.tapsOfRun,
        ]);
      }
    },
  });
}

async function overTaps(
  work: Workspace,
  kernel: Kernel,
  part: PackedPart,
  weights: number,
  weight: number,
  rest: readonly number[],
): Promise<void> {
  const { taps, tapCount, channels, channelBytes, outputs, outputBytes } = part;
  const table = work.copyOf(taps);
  const args = [weight, table, tapCount, channels, channelBytes, outputs, outputBytes, ...rest];
  await work.run(kernel, Math.ceil(outputs / 8), args, { work: 8 * weights });
  work.release(table);
}

function winogradMap(plan: WinogradPlan): LinearMap {
  const { side, channels, channelBytes, outputs, outputBytes, taps } = plan;
  const over = async (work: Workspace, kernel: Kernel, weight: number, other: number) => {
    const table = work.copyOf(taps);
    const args = [side, weight, table, channels, channelBytes, outputs, outputBytes, other];
    await work.run(kernel, Math.ceil(outputs / 8), args, {
      work: 64 * channels * outputs,
      scratch: 1024,
    });
    work.release(table);
  };
  return mapOfKernels({
    ...plan,
    kernels: ({ kernels }) =>
      plan.enlargedBack
        ? [kernels.winogradEnlargedBack, kernels.winogradOuter]
        : [kernels.winograd, kernels.winogradOuter],
    pack: (work, weight, packed) => over(work, work.kernels.packWinograd, weight, packed),
    unpack: (work, sums, gradient) => over(work, work.kernels.unpackWinograd, gradient, sums),
  });
}

/** What a way to compute a convolution has of its own. */
interface MapKernels {
  readonly image: Int32Array<ArrayBuffer>;
  readonly bands: number;
  readonly scratchBytes: number;
  readonly weightBytes: number;
  readonly accumulatorBytes: number;
  readonly products: number;
  readonly outerProducts: number;
  kernels(work: Workspace): [apply: Kernel, outer: Kernel];
  pack(work: Workspace, weight: number, packed: number): Promise<void>;
  unpack(work: Workspace, sums: number, gradient: number): Promise<void>;
}

function mapOfKernels(given: MapKernels): LinearMap {
  const { image, bands, scratchBytes, weightBytes, accumulatorBytes } = given;
  return {
    outerProducts: given.outerProducts,
    async apply(work, batch, { x, weight, bias, size }) {
      const plan = work.copyOf(image);
      const packed = await work.packed(weight, weightBytes / 4, (to) =>
        given.pack(work, weight, to),
      );
      const y = work.take(size);
      await work.run(given.kernels(work)[0], batch * bands, [plan, x, packed, bias, y], {
        work: 2 * batch * given.products,
        scratch: scratchBytes,
      });
      work.release(plan, packed);
      return y;
    },
    async addGradient(work, batch, x, dy, gradient) {
      const plan = work.copyOf(image);
      const units = batch * bands;
      const { blocks, blockUnits } = blocksOf(units, accumulatorBytes);
      const sums = work.take((blocks * accumulatorBytes) / 4);
      const args = [plan, x, dy, sums, accumulatorBytes, units, blockUnits];
      await work.run(given.kernels(work)[1], blocks, args, {
        work: 2 * batch * given.outerProducts,
        scratch: scratchBytes,
      });
      await sumTree(work, sums, blocks, accumulatorBytes);
      await given.unpack(work, sums, gradient);
      work.release(plan, sums);
    },
  };
}
