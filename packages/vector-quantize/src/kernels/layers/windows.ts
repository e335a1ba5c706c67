import { type BackwardCall, type LayerPlan, type Shapes, sizeOf } from "./layerPlan.ts";
import type { Workspace } from "./workspace.ts";

/** Windows of images: pooled, or made of one value each. */
export interface WindowsWork extends Shapes {
  readonly kind: "windows";
  readonly name: "maxPool" | "avgPool" | "upsample";
  /** Pixels of a window: high, and wide. Images are `[B, H, W, C]`, and `[B, T, C]` has one column. */
  readonly window: readonly [number, number];
  /** Pixels from one window to the next, down and across. Default: the window, and all pixels are in one. */
  readonly stride?: readonly [number, number];
}

/** The layer on typed arrays. `maxPool` keeps a byte for each output: its window has up to 256 places. */
export function planWindows(given: WindowsWork): LayerPlan {
  const { name, inputShape, outputShape, window, stride } = given;
  const enlarges = name === "upsample";
  const [inputs, outputs] = [sizeOf(inputShape), sizeOf(outputShape)];
  const [small, large] = (enlarges ? [inputShape, outputShape] : [outputShape, inputShape]).map(
    asImages,
  ) as [Images, Images];
  const [batch, rows, columns, channels] = small;
  const [, imageRows, imageColumns] = large;
  const over = (
    work: Workspace,
    kernel: keyof Workspace["kernels"],
    args: readonly number[],
    count = batch * rows,
  ) => work.run(work.kernels[kernel], count, args, { work: 8 * Math.max(inputs, outputs) });
  const sides = [columns, channels, ...window];
  const steps = [
    rows,
    columns,
    channels,
    imageRows,
    imageColumns,
    ...window,
    ...(stride ?? window),
  ];
  const share = 1 / (window[0] * window[1]);

  return {
    inputShape,
    outputShape,
    trains: true,
    async forward(work, _params, x, { training }) {
      const y = work.take(outputs);
      const kept = training && name === "maxPool" ? [work.take(Math.ceil(outputs / 4))] : [];
      if (name === "maxPool") await over(work, "maxPool", [x, y, kept[0] ?? 0, ...steps]);
      else if (enlarges) await over(work, "spread", [x, y, ...sides, 1]);
      else await over(work, "sumWindows", [x, y, ...steps, share]);
      work.release(x);
      return { y, kept };
    },
    async backward(work, { kept, dy }: BackwardCall) {
      const dx = work.take(inputs);
      const places = kept as readonly number[];
      const largest = places[0] ?? 0;
      if (stride) {
        const args = [dy, dx, largest, ...steps, name === "maxPool" ? 1 : share];
        await over(work, "gatherWindows", args, batch * imageRows);
      } else if (name === "maxPool") await over(work, "maxPoolBack", [dy, dx, largest, ...sides]);
      else if (enlarges) await over(work, "sumWindows", [dy, dx, ...steps, 1]);
      else await over(work, "spread", [dy, dx, ...sides, share]);
      work.release(dy, ...places);
      return dx;
    },
  };
}

type Images = readonly [batch: number, height: number, width: number, channels: number];

/** A series is an image of one column. */
const asImages = (shape: readonly number[]): Images =>
  (shape.length === 3 ? [...shape.slice(0, 2), 1, shape[2]] : shape) as unknown as Images;
