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
export function layerRunner(layers: readonly Layer[]): RunLayers {
  const graph = jitted((params: readonly ArrayTree[], x: np.Array, states: readonly ArrayTree[]) =>
    applyLayers(layers, params, x, states),
  );
  let tapeFor: ReturnType<typeof tapesOf> | undefined;

  return async (params, x, states = []) => {
    if (!layersOnKernels(x)) return graph(params, x, states);
    using _ = owns(params, x, states);
    const { arrayAt, bringIn, numbersOf, tapesOf, withWorkspace } = await kernels();
    tapeFor ??= tapesOf(layers);
    const tape = tapeFor(() => ({ params, states }), x.shape);
    return await withWorkspace(async (work) => {
      const own = await bringIn(work, params);
      const call = { training: false, state: await bringIn(work, states) };
      const input = work.copyOf(await numbersOf(x));
      const { y } = await work.pool.exclusive(() => tape.forward(work, own, input, call));
      return arrayAt(work, y, tape.outputShape);
    });
  };
}
