import { type numpy as np, random, tree } from "@jax-js/jax";
import { type ArrayTree, owns } from "../tree.ts";
import type { Layer } from "./layer.ts";

/** Fresh parameters of each of `layers`. Takes `key`. */
export function initLayers(layers: readonly Layer[], key: np.Array): ArrayTree[] {
  const keys: np.Array[] = [...random.split(key, layers.length)];
  return layers.map((layer, i) => layer.init(keys[i] as np.Array));
}

/** Whether some of `layers` do something else in training. */
export const trainApart = (layers: readonly Layer[]): boolean => layers.some(({ train }) => train);

/** Whether some of `layers` have a state. */
export const haveState = (layers: readonly Layer[]): boolean =>
  layers.some(({ initState }) => initState);

/** Fresh state of each of `layers`: `{}` for one that has none. */
export const initStates = (layers: readonly Layer[]): ArrayTree[] =>
  layers.map((layer) => layer.initState?.() ?? {});

/**
 * `layers` one after another. Takes ownership of its arrays.
 *
 * @param params one tree a layer
 * @param states one tree a layer; none if no layer has a state
 */
export function applyLayers(
  layers: readonly Layer[],
  params: readonly ArrayTree[],
  x: np.Array,
  states: readonly ArrayTree[] = [],
): np.Array {
  using _ = owns(params, x, states);
  return layers.reduce(
    (h, layer, i) => layer.apply(refTree(params[i]), h, layer.initState && refTree(states[i])),
    x.ref,
  );
}

/** What layers get beside their parameters and input. */
export interface LayersCall {
  readonly training: boolean;
  /** One tree a layer; none if no layer has a state. */
  readonly states: readonly ArrayTree[];
  /** Split up among the layers, if there is one. */
  readonly key?: np.Array | undefined;
}

/** `layers` one after another, and their states after it. Takes ownership of its arrays. */
export function callLayers(
  layers: readonly Layer[],
  params: readonly ArrayTree[],
  x: np.Array,
  { training, states, key }: LayersCall,
): [output: np.Array, states: readonly ArrayTree[]] {
  if (!training) {
    const after = states.map(refTree);
    return [applyLayers(layers, params, x, states), after];
  }
  using _ = owns(params, x, states);
  const keys = keysOf(layers, key);
  const after: ArrayTree[] = [];
  const output = layers.reduce((h, layer, i) => {
    const [own, ownKey] = [refTree(params[i]), keys[i]];
    if (!layer.train) {
      ownKey?.dispose();
      after.push({});
      return layer.apply(own, h);
    }
    const state = layer.initState ? refTree(states[i]) : {};
    const [y, moved] = layer.train(own, h, { state, ...(ownKey && { key: ownKey }) });
    after.push(layer.initState ? moved : {});
    return y;
  }, x.ref);
  return [output, after];
}

/** A key for each of `layers`, if there is one to split. Takes `key`. */
function keysOf(layers: readonly Layer[], key: np.Array | undefined): np.Array[] {
  if (layers.length > 0) return key ? [...random.split(key, layers.length)] : [];
  key?.dispose();
  return [];
}

const refTree = (given: ArrayTree | undefined) => tree.ref(given as never) as ArrayTree;
