import { type BackwardCall, type LayerPlan, type Shapes, sizeOf } from "./layerPlan.ts";
import type { Workspace } from "./workspace.ts";

/** Numbers that training makes 0 with probability `rate`, and divides by `1 - rate` else. */
export interface DropoutWork extends Shapes {
  readonly kind: "dropout";
  readonly rate: number;
}

/** The layer on typed arrays. The way back draws again. */
export function planDropout({ inputShape, outputShape, rate }: DropoutWork): LayerPlan {
  const size = sizeOf(inputShape);
  const scale = rate < 1 ? 1 / (1 - rate) : 0;

  /** In place. */
  async function drop(work: Workspace, x: number, y: number, key: number): Promise<void> {
    const args = [x, y, key, 1 - rate, scale];
    await work.run(work.kernels.dropout, Math.ceil(size / 4), args, { work: 30 * size });
  }

  return {
    inputShape,
    outputShape,
    trains: true,
    async forward(work, _params, x, { training, key: words }) {
      if (!training) return { y: x, kept: [] };
      const key = work.copyOf(new Int32Array((words as Uint32Array).buffer as ArrayBuffer));
      const y = work.take(size);
      await drop(work, x, y, key);
      work.release(x);
      return { y, kept: key };
    },
    async backward(work, { kept, dy: by }: BackwardCall) {
      const dy = work.ours(by, size);
      const key = kept as number;
      await drop(work, dy, dy, key);
      work.release(key);
      return dy;
    },
  };
}
