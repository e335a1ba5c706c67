import { type BackwardCall, type LayerPlan, type Shapes, sizeOf } from "./layerPlan.ts";
import type { Workspace } from "./workspace.ts";

/** An elementwise function. */
export interface ActivationWork extends Shapes {
  readonly kind: "activation";
  readonly name: "relu" | "leakyRelu" | "elu" | "gelu" | "silu" | "sigmoid" | "tanh";
  /** The slope of `leakyRelu`, the alpha of `elu`. */
  readonly factor?: number;
}

/** Bytes for numbers that a kernel keeps. */
const SCRATCH = 384;

/** The layer on typed arrays. The derivative is kept; of relu the output tells it. */
export function planActivation({
  inputShape,
  outputShape,
  name,
  factor,
}: ActivationWork): LayerPlan {
  const size = sizeOf(inputShape);
  return {
    inputShape,
    outputShape,
    trains: true,
    async forward(work, _params, x, { training }) {
      const y = work.isOnlyOurs(x) ? work.hold(x) : work.take(size);
      const slopes = training && name !== "relu" ? work.take(size) : 0;
      const args = [x, y, slopes, ...(factor === undefined ? [] : [factor])];
      await overVectors(work, name, size, args, 40);
      work.release(x);
      if (!training) return { y, kept: [] };
      return { y, kept: [slopes === 0 ? work.hold(y) : slopes] };
    },
    async backward(work, { kept, dy: by }: BackwardCall) {
      const dy = work.ours(by, size);
      const [told] = kept as readonly [number];
      const kernel = name === "relu" ? "reluBack" : "multiplyInto";
      await overVectors(work, kernel, size, [dy, told], 16);
      work.release(told);
      return dy;
    },
  };
}

/** Runs an elementwise kernel over `size` floats, that take about `cost` operations each. */
export async function overVectors(
  work: Workspace,
  name: ActivationWork["name"] | "reluBack" | "multiplyInto" | "addInto",
  size: number,
  args: readonly number[],
  cost: number,
): Promise<void> {
  await work.run(work.kernels[name], Math.ceil(size / 4), args, {
    work: cost * size,
    scratch: SCRATCH,
  });
}
