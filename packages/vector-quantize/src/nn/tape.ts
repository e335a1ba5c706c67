import { planChain } from "../kernels/layers/chain.ts";
import type { LayerPlan } from "../kernels/layers/layerPlan.ts";
import { planLayer } from "../kernels/layers/planLayer.ts";
import type { ArrayTree } from "../tree.ts";
import { planGraph } from "./graphPlan.ts";
import type { Layer } from "./layer.ts";

/**
 * Layers one after another for inputs of one shape: on the kernels where they have some, as compiled
 * graphs in between. `params` tell the shapes of the parameters.
 */
export function planTape(
  layers: readonly Layer[],
  params: readonly ArrayTree[],
  inputShape: readonly number[],
): LayerPlan {
  const plans: LayerPlan[] = [];
  let shape = inputShape;
  for (const [i, layer] of layers.entries()) {
    const work = layer.work?.(shape);
    const plan = work ? planLayer(work) : planGraph(layer, params[i] as ArrayTree, shape);
    plans.push(plan);
    shape = plan.outputShape;
  }
  return planChain(plans, inputShape);
}

/** Shapes whose tapes are kept: pictures of any size would fill the memory with them. */
const MOST_TAPES = 32;

/** The tape of `layers` for each of the last shapes of their input, planned once. */
export function tapesOf(layers: readonly Layer[]) {
  const known = new Map<string, LayerPlan>();
  return (params: () => readonly ArrayTree[], inputShape: readonly number[]): LayerPlan => {
    const name = String(inputShape);
    const tape = known.get(name) ?? planTape(layers, params(), inputShape);
    known.delete(name);
    known.set(name, tape); // the last one that was used
    if (known.size > MOST_TAPES) known.delete(known.keys().next().value as string);
    return tape;
  };
}
