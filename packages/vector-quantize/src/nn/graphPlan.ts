import { type ClosedJaxpr, makeJaxpr, numpy as np, tree } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Addresses, BackwardCall, LayerPlan } from "../kernels/layers/layerPlan.ts";
import type { Workspace } from "../kernels/layers/workspace.ts";
import { passage } from "../passage.ts";
import type { ArrayTree } from "../tree.ts";
import type { Layer } from "./layer.ts";
import { arrayAt, bringOut, bufferOf, shapesOf } from "./numbers.ts";

type Inputs = { params: ArrayTree; x: np.Array; state: ArrayTree };

/**
 * A layer that has no kernels, among those that have: a compiled graph between two buffers, of what it does in
 * evaluation. `params` and `state` tell the shapes of its own.
 */
export function planGraph(
  layer: Layer,
  { params, state }: Omit<Inputs, "x">,
  inputShape: readonly number[],
): LayerPlan {
  const apply = ({ params, x, state }: Inputs) =>
    layer.apply(params, x, layer.initState ? state : undefined);
  const run = passage(apply)({});
  const { shape: outputShape, dtype } = outputOf(apply, { params, state }, inputShape);
  if (dtype !== "float32") {
    throw expected(`layer ${layer.config.type}: output`, "float32", dtype);
  }
  const shapes = { params: shapesOf(params), state: shapesOf(state) };
  const inputs = (
    work: Workspace,
    addresses: Addresses,
    x: number,
    states: Addresses = {},
  ): Inputs => ({
    params: bringOut(work, addresses, shapes.params),
    x: arrayAt(work, x, inputShape),
    state: bringOut(work, states, shapes.state),
  });

  return {
    inputShape,
    outputShape,
    trains: !layer.train && !layer.initState,
    async forward(work, params, x, { training, state }) {
      const y = await bufferOf(work, run.forward(inputs(work, params, x, state)));
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

function outputOf(
  apply: (inputs: Inputs) => np.Array,
  own: Omit<Inputs, "x">,
  inputShape: readonly number[],
) {
  const x = np.zeros([...inputShape]);
  type Traced = (inputs: Inputs) => { jaxpr: ClosedJaxpr };
  const traced = makeJaxpr(apply as never) as unknown as Traced;
  const { jaxpr } = traced({ ...(tree.ref(own as never) as typeof own), x });
  const [{ shape, dtype }] = jaxpr.jaxpr.outs.map((out) => (out as { aval: Aval }).aval) as [Aval];
  jaxpr.dispose();
  return { shape, dtype };
}

interface Aval {
  readonly shape: number[];
  readonly dtype: string;
}
