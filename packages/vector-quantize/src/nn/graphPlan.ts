import { type ClosedJaxpr, makeJaxpr, numpy as np, tree } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Addresses, BackwardCall, LayerPlan } from "../kernels/layers/layerPlan.ts";
import type { Workspace } from "../kernels/layers/workspace.ts";
import { passage } from "../passage.ts";
import type { ArrayTree } from "../tree.ts";
import type { Layer } from "./layer.ts";
import { arrayAt, bringOut, bufferOf, shapesOf } from "./numbers.ts";

type Inputs = { params: ArrayTree; x: np.Array };

/**
 * A layer that has no kernels, among those that have: a compiled graph between two buffers. `params` tell
 * the shapes of its parameters.
 */
export function planGraph(
  layer: Layer,
  params: ArrayTree,
  inputShape: readonly number[],
): LayerPlan {
  const run = passage(({ params, x }: Inputs) => layer.apply(params, x))({});
  const { shape: outputShape, dtype } = outputOf(layer, params, inputShape);
  if (dtype !== "float32") {
    throw expected(`layer ${layer.config.type}: output`, "float32", dtype);
  }
  const shapes = shapesOf(params);
  const inputs = (work: Workspace, addresses: Addresses, x: number): Inputs => ({
    params: bringOut(work, addresses, shapes),
    x: arrayAt(work, x, inputShape),
  });

  return {
    inputShape,
    outputShape,
    async forward(work, params, x, training) {
      const y = await bufferOf(work, run.forward(inputs(work, params, x)));
      if (training) return { y, kept: x };
      work.release(x);
      return { y, kept: [] };
    },
    async backward(work, { params, gradients, kept, dy }: BackwardCall) {
      const given = inputs(work, params, kept as number);
      const found = run.backward(given, arrayAt(work, dy, outputShape));
      const into = tree.leaves(gradients as never) as unknown as number[];
      for (const [i, leaf] of (tree.leaves(found.params as never) as np.Array[]).entries()) {
        const { size } = leaf;
        const found = await bufferOf(work, leaf);
        work.add(into[i] as number, found, size);
        work.release(found);
      }
      const dx = await bufferOf(work, found.x);
      work.release(dy, kept as number);
      return dx;
    },
  };
}

function outputOf(layer: Layer, params: ArrayTree, inputShape: readonly number[]) {
  const x = np.zeros([...inputShape]);
  const run = (params: never, x: np.Array) => layer.apply(params, x);
  type Traced = (...args: unknown[]) => { jaxpr: ClosedJaxpr };
  const traced = makeJaxpr(run as never) as unknown as Traced;
  const { jaxpr } = traced(tree.ref(params as never), x);
  const [{ shape, dtype }] = jaxpr.jaxpr.outs.map((out) => (out as { aval: Aval }).aval) as [Aval];
  jaxpr.dispose();
  return { shape, dtype };
}

interface Aval {
  readonly shape: number[];
  readonly dtype: string;
}
