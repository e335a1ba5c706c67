import type { numpy as np } from "@jax-js/jax";
import { lazy } from "../lazy.ts";
import { layersOnKernels } from "../paths.ts";
import { type ArrayTree, jitted, owns } from "../tree.ts";
import { applyLayers } from "./chain.ts";
import type { Layer } from "./layer.ts";
import type { tapesOf } from "./tape.ts";

const kernels = lazy(async () => ({
  ...(await import("../kernels/layers/workspace.ts")),
  ...(await import("./numbers.ts")),
  ...(await import("./tape.ts")),
}));

/**
 * Runs layers one after another as in evaluation, outside of any trace. Takes ownership of its arrays.
 *
 * @param states one tree a layer; none if no layer has a state
 */
export type RunLayers = (
  params: readonly ArrayTree[],
  x: np.Array,
  states?: readonly ArrayTree[],
) => Promise<np.Array>;

/** `layers` on the kernels, or on other devices as one compiled graph. */
export function layerRunner(given: readonly Layer[]): RunLayers {
  const layers = given.map(withStateAmongParams);
  const graph = jitted((params: readonly ArrayTree[], x: np.Array) =>
    applyLayers(layers, params, x),
  );
  let tapeFor: ReturnType<typeof tapesOf> | undefined;

  return async (ownParams, x, states = []) => {
    const params = given.map((layer, i) => {
      const own = ownParams[i] as ArrayTree;
      return layer.initState ? { params: own, state: states[i] as ArrayTree } : own;
    });
    if (!layersOnKernels(x)) return graph(params, x);
    using _ = owns(params, x);
    const { arrayAt, bringIn, numbersOf, tapesOf, withWorkspace } = await kernels();
    tapeFor ??= tapesOf(layers);
    const tape = tapeFor(() => params, x.shape);
    return await withWorkspace(async (work) => {
      const own = await bringIn(work, params);
      const input = work.copyOf(await numbersOf(x));
      const { y } = await work.pool.exclusive(() => tape.forward(work, own, input, false));
      return arrayAt(work, y, tape.outputShape);
    });
  };
}

/** The layer in evaluation, as one whose parameters are `{ params, state }`, if it has a state. */
function withStateAmongParams(layer: Layer): Layer {
  if (!layer.initState) return layer;
  type Given = { params: ArrayTree; state: ArrayTree };
  return {
    config: layer.config,
    init: layer.init,
    apply(given, x) {
      const { params, state } = given as Given;
      return layer.apply(params, x, state);
    },
  };
}
