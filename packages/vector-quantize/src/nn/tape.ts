import { planChain } from "../kernels/layers/chain.ts";
import type { LayerPlan } from "../kernels/layers/layerPlan.ts";
import { planLayer } from "../kernels/layers/planLayer.ts";
import type { ArrayTree } from "../tree.ts";
import { planGraph } from "./graphPlan.ts";
import type { Layer } from "./layer.ts";

/** Arrays whose shapes a plan may ask for, one tree a layer; none if no layer has a state. */
export interface LayerArrays {
  readonly params: readonly ArrayTree[];
  readonly states?: readonly ArrayTree[] | undefined;
}

/**
 * Layers one after another for inputs of one shape: on the kernels where they have some, as compiled
 * graphs in between. `arrays` are asked for where there is a graph.
 */
export function planTape(
  layers: readonly Layer[],
  arrays: () => LayerArrays,
  inputShape: readonly number[],
): LayerPlan {
  const plans: LayerPlan[] = [];
  let shape = inputShape;
  for (const [i, layer] of layers.entries()) {
    const work = layer.work?.(shape);
    const plan = work ? planLayer(work) : planGraph(layer, arraysAt(arrays(), i), shape);
    plans.push(plan);
    shape = plan.outputShape;
  }
  return planChain(plans, inputShape);
}

function arraysAt({ params, states = [] }: LayerArrays, i: number) {
  return { params: params[i] as ArrayTree, state: states[i] ?? {} };
}

/** Shapes whose tapes are kept: pictures of any size would fill the memory with them. */
const MOST_TAPES = 32;

/** The tape of `layers` for each of the last shapes of their input, planned once. */
export function tapesOf(layers: readonly Layer[]) {
  const known = new Map<string, LayerPlan>();
  return (arrays: () => LayerArrays, inputShape: readonly number[]): LayerPlan => {
    const name = String(inputShape);
    const tape = known.get(name) ?? planTape(layers, arrays, inputShape);
    known.delete(name);
    known.set(name, tape); // the last one that was used
    if (known.size > MOST_TAPES) known.delete(known.keys().next().value as string);
    return tape;
  };
}
