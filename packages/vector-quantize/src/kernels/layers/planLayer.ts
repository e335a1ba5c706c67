import { overVectors, planActivation } from "./activation.ts";
import { planBatchNorm } from "./batchNorm.ts";
import { planChain } from "./chain.ts";
import { planConvolution } from "./convolution.ts";
import { planDropout } from "./dropout.ts";
import { type Addresses, keptBuffers, type LayerPlan, sizeOf } from "./layerPlan.ts";
import type { LayerWork, ResidualWork } from "./layerWork.ts";
import { planNormalize } from "./normalize.ts";
import { planRearrange } from "./rearrange.ts";
import { planSeriesLength } from "./seriesLength.ts";
import { planSnake } from "./snake.ts";
import { planWindows } from "./windows.ts";

/** The kernels of a layer. */
export function planLayer(work: LayerWork): LayerPlan {
  switch (work.kind) {
    case "activation":
      return planActivation(work);
    case "batchNorm":
      return planBatchNorm(work);
    case "convolution":
      return planConvolution(work);
    case "dropout":
      return planDropout(work);
    case "normalize":
      return planNormalize(work);
    case "rearrange":
      return planRearrange(work);
    case "residual":
      return planResidual(work);
    case "seriesLength":
      return planSeriesLength(work);
    case "snake":
      return planSnake(work);
    case "windows":
      return planWindows(work);
  }
}

function planResidual({ layers, inputShape, outputShape }: ResidualWork): LayerPlan {
  const inner = planChain(layers.map(planLayer), inputShape);
  const size = sizeOf(inputShape);
  const insideOf = (params: Addresses) => (params as { readonly layers: Addresses }).layers;
  return {
    inputShape,
    outputShape,
    trains: inner.trains,
    async forward(work, params, x, { state, ...call }) {
      const own = { ...call, state: state && insideOf(state) };
      const passed = await inner.forward(work, insideOf(params), work.hold(x), own);
      // Where an inner layer keeps its output for the way back, the sum needs a buffer of its own.
      const needed = keptBuffers(passed.kept).includes(passed.y);
      const y = needed ? work.copy(passed.y, size) : passed.y;
      await overVectors(work, "addInto", size, [y, x], 16);
      work.release(x);
      return { y, kept: passed.kept };
    },
    async backward(work, { params, gradients, dy, ...call }) {
      const kept = call.wantsInput ? work.hold(dy) : 0;
      const dx = await inner.backward(work, {
        ...call,
        params: insideOf(params),
        gradients: insideOf(gradients),
        dy,
      });
      if (!call.wantsInput) return dx;
      await overVectors(work, "addInto", size, [dx, kept], 16);
      work.release(kept);
      return dx;
    },
  };
}
