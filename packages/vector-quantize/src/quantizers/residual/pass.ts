import { type numpy as np, random, tree } from "@jax-js/jax";
import { type Layout, positionShape } from "../../layout/layout.ts";
import { passage } from "../../passage.ts";
import type { ArrayTree } from "../../tree.ts";
import type { TrainingPass } from "../contract.ts";
import { passOnKernels } from "../kernelPass.ts";
import type { VectorQuantizeVariables } from "../vectorQuantize/books.ts";
import type { PlainCodebook } from "../vectorQuantize/contract.ts";
import type { ResidualGraph, ResidualParams, ResidualState, ResidualVariables } from "./layers.ts";

/** What a residual quantizer of plain codebooks puts into its training pass. */
export interface PlainStack {
  readonly graph: ResidualGraph;
  readonly layout: Layout;
  readonly layers: readonly PlainCodebook[];
  /** The codes of each layer, `[K, C]`. */
  readonly codebooks: (variables: ResidualVariables) => np.Array[];
  /** Paths that the search keeps, and the weights of the layers in their scores. */
  readonly beam: number;
  readonly beamWeights: readonly number[];
}

/**
 * A training pass of a residual quantizer of plain codebooks. It does not take ownership: its arguments
 * must live until it is done.
 */
export function residualPass({ graph, layout, layers, codebooks, beam, beamWeights }: PlainStack) {
  const Q = layers.length;
  const enter = passage((call: { params: ResidualParams; x: np.Array }) =>
    graph.enter(call.params, call.x),
  );
  const leave = passage(
    (call: { params: ResidualParams; sum: np.Array }, { positions }: { positions: number[] }) =>
      graph.leave(call.params, call.sum, positions),
  );

  return (
    variables: ResidualVariables,
    x: np.Array,
    key: np.Array | undefined,
  ): Promise<TrainingPass<ResidualParams, ResidualState>> => {
    const positions = positionShape(x.shape, layout);
    // As `apply` deals them: one for each layer, three for what comes around the layers.
    const keys = key ? [...random.split(key.ref, Q + 3)] : [];
    const own = (layer: number) =>
      tree.ref({
        params: variables.params.layers[layer] as ArrayTree,
        state: variables.state.layers[layer] as ArrayTree,
      }) as VectorQuantizeVariables;
    return passOnKernels(tree.ref(variables), x.ref, {
      codebooks: codebooks(tree.ref(variables)),
      metric: "euclidean",
      beam,
      beamWeights,
      layers,
      move: (layer, batch) =>
        (layers[layer] as PlainCodebook).move(own(layer), batch, keys[layer]?.ref),
      lossShape: [Q],
      indexShape: [...positions, Q],
      enter: enter({}),
      leave: leave({ positions }),
      stateOf: (states) => ({ layers: states }),
    }).finally(() => tree.dispose(keys));
  };
}
