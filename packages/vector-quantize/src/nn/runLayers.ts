import type { numpy as np } from "@jax-js/jax";
import type { LayerPlan } from "../kernels/layers/layerPlan.ts";
import { lazy } from "../lazy.ts";
import { layersOnKernels } from "../paths.ts";
import { type ArrayTree, jitted, owns } from "../tree.ts";
import { applyLayers } from "./chain.ts";
import type { Layer } from "./layer.ts";

const kernels = lazy(async () => ({
  ...(await import("../kernels/layers/workspace.ts")),
  ...(await import("./numbers.ts")),
  ...(await import("./tape.ts")),
}));

/** Runs layers one after another, outside of any trace. Takes ownership of its arrays. */
export type RunLayers = (params: readonly ArrayTree[], x: np.Array) => Promise<np.Array>;

/** `layers` on the kernels, or on other devices as one compiled graph. */
export function layerRunner(layers: readonly Layer[]): RunLayers {
  const graph = jitted((params: readonly ArrayTree[], x: np.Array) =>
    applyLayers(layers, params, x),
  );
  let tapeFor: ((params: readonly ArrayTree[], shape: readonly number[]) => LayerPlan) | undefined;

  return async (params, x) => {
    if (!layersOnKernels(x)) return graph(params, x);
    using _ = owns(params, x);
    const { arrayAt, bringIn, numbersOf, tapesOf, withWorkspace } = await kernels();
    tapeFor ??= tapesOf(layers);
    const tape = tapeFor(params, x.shape);
    return await withWorkspace(async (work) => {
      const own = await bringIn(work, params);
      const input = work.copyOf(await numbersOf(x));
      const { y } = await work.pool.exclusive(() => tape.forward(work, own, input, false));
      return arrayAt(work, y, tape.outputShape);
    });
  };
}
