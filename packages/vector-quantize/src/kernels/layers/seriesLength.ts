import { type LayerPlan, type Shapes, sizeOf } from "./layerPlan.ts";
import type { Workspace } from "./workspace.ts";

/** Series `[B, T, C]` made longer by zeros behind, or shorter by what is cut off there. */
export interface SeriesLengthWork extends Shapes {
  readonly kind: "seriesLength";
}

/** The layer on typed arrays: each series is copied, or none if the length stays. */
export function planSeriesLength({ inputShape, outputShape }: SeriesLengthWork): LayerPlan {
  return {
    inputShape,
    outputShape,
    trains: true,
    forward: async (work, _params, x) => ({
      y: resized(work, x, inputShape, outputShape),
      kept: [],
    }),
    backward: async (work, { dy }) => resized(work, dy, outputShape, inputShape),
  };
}

function resized(
  work: Workspace,
  from: number,
  source: readonly number[],
  target: readonly number[],
): number {
  const [long, short] = [sizeOf(target.slice(1)), sizeOf(source.slice(1))];
  if (long === short) return from;
  const batch = source[0] as number;
  const to = work.take(batch * long);
  const [given, made] = [work.floats(from, batch * short), work.floats(to, batch * long)];
  if (long > short) made.fill(0);
  for (let b = 0; b < batch; b++) {
    const first = b * short;
    made.set(given.subarray(first, first + Math.min(long, short)), b * long);
  }
  work.release(from);
  return to;
}

/** What `plan` makes, cut to its first `length` steps. */
export function cutPlan(plan: LayerPlan, length: number): LayerPlan {
  const { inputShape, outputShape: made } = plan;
  const [batch, steps, channels] = made as [number, number, number];
  if (steps === length) return plan;
  const outputShape = [batch, length, channels];
  return {
    ...{ inputShape, outputShape, trains: plan.trains },
    async forward(work, params, x, call) {
      const { y, kept } = await plan.forward(work, params, x, call);
      // What the layers keep for their way back may be their output: that stays as it is.
      return { y: resized(work, y, made, outputShape), kept };
    },
    backward: (work, call) =>
      plan.backward(work, { ...call, dy: resized(work, call.dy, outputShape, made) }),
  };
}
