import { expected } from "../errors.ts";
import type { Addresses } from "../kernels/layers/layerPlan.ts";
import type { LayerWork } from "../kernels/layers/layerWork.ts";
import { planStream, planStreams, type StreamPlan } from "../kernels/layers/streamPlan.ts";
import type { Workspace } from "../kernels/layers/workspace.ts";
import type { Layer } from "./layer.ts";

/** Layers on pieces of a series, by plans for each length of a piece. */
export interface StreamedLayers {
  /** What a fresh series begins with, in a buffer that the caller releases. */
  begin(work: Workspace): number;
  /** The output `[1, ..., C]` for a piece of `steps` steps in the buffer `x`, which it releases. */
  run(
    work: Workspace,
    params: Addresses,
    series: number,
    piece: { readonly x: number; readonly steps: number },
  ): Promise<{ readonly y: number; readonly shape: readonly number[] }>;
}

/**
 * Layers for series that come in pieces whose lengths are multiples of `unit`.
 *
 * @throws VectorQuantizeError naming the layer that needs what comes after
 */
export function streamLayers(
  layers: readonly Layer[],
  {
    where,
    unit,
    channels,
  }: { readonly where: string; readonly unit: number; readonly channels: number },
): StreamedLayers {
  const plans = new Map<number, StreamPlan>();
  const planFor = (steps: number): StreamPlan => {
    const known = plans.get(steps) ?? planned(where, layers, [1, steps, channels]);
    plans.set(steps, known);
    return known;
  };
  const { carried } = planFor(unit);
  return {
    begin(work) {
      const start = work.take(carried);
      work.floats(start, carried).fill(0);
      return start;
    },
    async run(work, params, series, { x, steps }) {
      const plan = planFor(steps);
      return { y: await plan.run(work, params, series, x), shape: plan.outputShape };
    },
  };
}

function planned(where: string, layers: readonly Layer[], input: readonly number[]): StreamPlan {
  let shape = input;
  const works: LayerWork[] = [];
  for (const layer of layers) {
    const work = layer.work?.(shape);
    if (!work || !planStream(work)) {
      const mend = "Make the model with audioAutoencoder({ causal: true })";
      throw expected(
        `${where}: model`,
        "layers that need nothing of what comes after",
        layer.config.type,
        mend,
      );
    }
    works.push(work);
    shape = work.outputShape;
  }
  return planStreams(works) as StreamPlan;
}
