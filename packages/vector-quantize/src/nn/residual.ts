import { expected } from "../errors.ts";
import type { ArrayTree } from "../tree.ts";
import { applyLayers, backwardLayers, forwardLayers, initLayers } from "./chain.ts";
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
    init: (key) => ({ layers: initLayers(layers, key) }),
    apply(params, x) {
      const y = applyLayers(layers, params.layers, x.ref);
      if (String(y.shape) !== String(x.shape)) {
        throw expected("residual: output of the layers", `the input's shape [${x.shape}]`, y.shape);
      }
      return x.add(y);
    },
    forward(params, x) {
      const [y, kept] = forwardLayers(layers, params.layers, x.ref);
      return [x.add(y), kept];
    },
    backward(params, kept, gradient) {
      const inside = kept as readonly ArrayTree[];
      const [byParams, byInput] = backwardLayers(layers, params.layers, inside, gradient.ref);
      return [{ layers: byParams }, gradient.add(byInput)];
    },
  };
}
