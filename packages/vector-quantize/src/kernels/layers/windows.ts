import { type BackwardCall, type LayerPlan, type Shapes, sizeOf } from "./layerPlan.ts";
import type { Workspace } from "./workspace.ts";

/** Windows of images that do not overlap: pooled, or made of one value each. */
export interface WindowsWork extends Shapes {
  readonly kind: "windows";
  readonly name: "maxPool" | "avgPool" | "upsample";
  /** Pixels of a window: high, and wide. Images are `[B, H, W, C]`, and `[B, T, C]` has one column. */
  readonly window: readonly [number, number];
}

/** The layer on typed arrays. `maxPool` keeps a byte for each output: its window has up to 256 places. */
export function planWindows(given: WindowsWork): LayerPlan {
  const { name, inputShape, outputShape, window } = given;
  const enlarges = name === "upsample";
  const [inputs, outputs] = [sizeOf(inputShape), sizeOf(outputShape)];
  const small = enlarges ? inputShape : outputShape;
  const [batch, height, columns] = (small.length === 3 ? [...small.slice(0, 2), 1] : small) as [
    number,
    number,
    number,
  ];
  const rows = batch * height;
  const over = (work: Workspace, kernel: keyof Workspace["kernels"], args: readonly number[]) =>
    work.run(work.kernels[kernel], rows, args, { work: 8 * Math.max(inputs, outputs) });
  const sizes = [columns, small.at(-1) as number, ...window];
  const share = 1 / (window[0] * window[1]);

  return {
    inputShape,
    outputShape,
    trains: true,
    async forward(work, _params, x, { training }) {
      const y = work.take(outputs);
      const kept = training && name === "maxPool" ? [work.take(Math.ceil(outputs / 4))] : [];
      if (name === "maxPool") await over(work, "maxPool", [x, y, kept[0] ?? 0, ...sizes]);
      else if (enlarges) await over(work, "spread", [x, y, ...sizes, 1]);
      else await over(work, "sumWindows", [x, y, ...sizes, share]);
      work.release(x);
      return { y, kept };
    },
    async backward(work, { kept, dy }: BackwardCall) {
      const dx = work.take(inputs);
      const places = kept as readonly number[];
      if (name === "maxPool") await over(work, "maxPoolBack", [dy, dx, places[0] ?? 0, ...sizes]);
      else if (enlarges) await over(work, "sumWindows", [dy, dx, ...sizes, 1]);
      else await over(work, "spread", [dy, dx, ...sizes, share]);
      work.release(dy, ...places);
      return dx;
    },
  };
}
