import { type numpy as np, random, tree } from "@jax-js/jax";
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
