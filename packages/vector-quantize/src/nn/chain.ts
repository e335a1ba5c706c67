import { type numpy as np, random, tree, vjp } from "@jax-js/jax";
import { type ArrayTree, owns } from "../tree.ts";
import type { Layer } from "./layer.ts";

/** Fresh parameters of each of `layers`. Takes `key`. */
export function initLayers(layers: readonly Layer[], key: np.Array): ArrayTree[] {
  const keys: np.Array[] = [...random.split(key, layers.length)];
  return layers.map((layer, i) => layer.init(keys[i] as np.Array));
}

/** `layers` one after another. Takes ownership of `params`, one tree a layer, and of `x`. */
export function applyLayers(
  layers: readonly Layer[],
  params: readonly ArrayTree[],
  x: np.Array,
): np.Array {
  using _ = owns(params, x);
  return layers.reduce((h, layer, i) => layer.apply(tree.ref(params[i] as np.Array), h), x.ref);
}

/** `applyLayers`, and what `backwardLayers` needs from it, layer by layer. */
export function forwardLayers(
  layers: readonly Layer[],
  params: readonly ArrayTree[],
  x: np.Array,
): [output: np.Array, kept: ArrayTree[]] {
  using _ = owns(params, x);
  const kept: ArrayTree[] = [];
  let h = x.ref;
  for (const [i, layer] of layers.entries()) {
    const own = tree.ref(params[i] as np.Array);
    const [y, inside] = layer.forward
      ? layer.forward(own, h.ref)
      : [layer.apply(own, h.ref), h.ref];
    h.dispose();
    kept.push(inside);
    h = y;
  }
  return [h, kept];
}

/** Gradients by the parameters and by the input. Takes ownership of all arrays. */
export function backwardLayers(
  layers: readonly Layer[],
  params: readonly ArrayTree[],
  kept: readonly ArrayTree[],
  gradient: np.Array,
): [byParams: ArrayTree[], byInput: np.Array] {
  const gradients: ArrayTree[] = [];
  let byOutput = gradient;
  for (const [i, layer] of [...layers.entries()].reverse()) {
    const [own, inside] = [params[i] as ArrayTree, kept[i] as ArrayTree];
    [gradients[i], byOutput] = layer.backward
      ? layer.backward(own, inside, byOutput)
      : gradientsOf(layer, own, inside as np.Array, byOutput);
  }
  return [gradients, byOutput];
}

/** The output is computed again only as far as the gradients need it: jit leaves out the rest. */
function gradientsOf(
  layer: Layer,
  params: ArrayTree,
  x: np.Array,
  gradient: np.Array,
): [ArrayTree, np.Array] {
  const [output, back] = vjp(layer.apply as never, [params, x] as never) as unknown as [
    np.Array,
    ((gradient: np.Array) => [ArrayTree, np.Array]) & { dispose(): void },
  ];
  output.dispose();
  const found = back(gradient);
  back.dispose();
  return found;
}
