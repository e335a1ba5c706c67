import { expected } from "../errors.ts";
import type { LayerWork } from "../kernels/layers/layerWork.ts";
import type { ArrayTree } from "../tree.ts";
import { applyLayers, callLayers, haveState, initLayers, initStates, trainApart } from "./chain.ts";
import type { Layer } from "./layer.ts";

/**
 * `x + layers(x)`, the layers one after another.
 *
 * Source: He et al., "Deep Residual Learning for Image Recognition", 2015,
 * https://arxiv.org/abs/1512.03385.
 */
export function residual(layers: readonly Layer[]): Layer<{ layers: ArrayTree[] }> {
  if (!Array.isArray(layers) || layers.length === 0) {
    throw expected("residual", "a list of at least one layer", layers);
  }
  return {
    config: { type: "residual", layers: layers.map((layer) => layer.config) },
    reach: { inside: layers },
    init: (key) => ({ layers: initLayers(layers, key) }),
    apply(params, x, state) {
      const y = applyLayers(layers, params.layers, x.ref, statesIn(state));
      checkOutput(x.shape, y.shape);
      return x.add(y);
    },
    ...(trainApart(layers) && {
      train(params, x, { state, key }) {
        const call = { training: true, states: statesIn(state), key };
        const [y, states] = callLayers(layers, params.layers, x.ref, call);
        checkOutput(x.shape, y.shape);
        return [x.add(y), { layers: states }];
      },
    }),
    ...(haveState(layers) && { initState: () => ({ layers: initStates(layers) }) }),
    ...(layers.some(({ draws }) => draws) && { draws: true }),
    work(shape) {
      const inner: LayerWork[] = [];
      let outputShape = shape;
      for (const layer of layers) {
        const work = layer.work?.(outputShape);
        if (work === undefined) return undefined;
        inner.push(work);
        outputShape = work.outputShape;
      }
      checkOutput(shape, outputShape);
      return { kind: "residual", inputShape: shape, outputShape, layers: inner };
    },
  };
}

/** The states of the layers in a residual's own. */
const statesIn = (state: ArrayTree | undefined): readonly ArrayTree[] =>
  (state as { layers?: readonly ArrayTree[] } | undefined)?.layers ?? [];

function checkOutput(input: readonly number[], output: readonly number[]): void {
  if (String(output) === String(input)) return;
  throw expected("residual: output of the layers", `the input's shape [${input}]`, output);
}
