import { type numpy as np, random, tree } from "@jax-js/jax";
import { positionShape } from "../../layout/layout.ts";
import { passage } from "../../passage.ts";
import type { ArrayTree } from "../../tree.ts";
import type { TrainingPass } from "../contract.ts";
import { passOnKernels } from "../kernelPass.ts";
import type { VectorQuantizeVariables } from "../vectorQuantize/books.ts";
import type { PlainCodebook } from "../vectorQuantize/contract.ts";
import {
  type ResidualParams,
  type ResidualParts,
  type ResidualState,
  type ResidualVariables,
  residualLayers,
} from "./layers.ts";

/** What a residual quantizer of plain codebooks puts into its training pass. */
export interface PlainStack {
  readonly layers: readonly PlainCodebook[];
  /** The codes of each layer, `[K, C]`. */
  readonly codebooks: (variables: ResidualVariables) => np.Array[];
  /** Paths that the search keeps, and the weights of the layers in their scores. */
  readonly beam: number;
  readonly beamWeights: readonly number[];
}

/**
 * A training pass of a residual quantizer of plain codebooks. It does not take ownership of
 * `variables` and `key`: they must live until it is done.
 */
export function residualPass(
  parts: ResidualParts,
  { layers, codebooks, beam, beamWeights }: PlainStack,
) {
  const { layout } = parts;
  const Q = layers.length;
  const graph = residualLayers(parts);
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
    tree.dispose(keys.slice(Q));
    const own = (layer: number) =>
      tree.ref({
        params: variables.params.layers[layer] as ArrayTree,
        state: variables.state.layers[layer] as ArrayTree,
      }) as VectorQuantizeVariables;
    return passOnKernels(tree.ref(variables), x, {
      layers: {
        codebooks: codebooks(tree.ref(variables)),
        metric: "euclidean",
        beam,
        beamWeights,
        rotates: (layers[0] as PlainCodebook).rotates,
        needsVectors: layers.some(({ replacesDeadCodes }) => replacesDeadCodes),
        move: (layer, batch) =>
          (layers[layer] as PlainCodebook).move(own(layer), batch, keys[layer]?.ref),
      },
      commitmentWeights: layers.map(({ commitmentWeight }) => commitmentWeight),
      lossShape: [Q],
      indexShape: [...positions, Q],
      enter: enter({}),
      leave: leave({ positions }),
      stateOf: (states) => ({ layers: states }),
    }).finally(() => tree.dispose(keys.slice(0, Q)));
  };
}
