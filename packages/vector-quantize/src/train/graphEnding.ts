import { numpy as np } from "@jax-js/jax";
import type { LayerStates, ModelParams } from "../nn/model.ts";
import { bringOut, shapesOf } from "../nn/numbers.ts";
import { jitted } from "../tree.ts";
import type { QuantizerReport, StepEnding } from "./stepEnding.ts";
import type { TrainState, TrainStepResult } from "./trainState.ts";
import { refTree } from "./trees.ts";

/** What the end of a step in a graph is given, as traced arrays. */
export interface GraphConclusion {
  readonly gradients: ModelParams;
  readonly before: TrainState;
  /** PRNG key of the next step. */
  readonly key: np.Array;
  /** Scalars: the reconstruction loss, and the mean squared error of the output cut to the range. */
  readonly reconstruction: np.Array;
  readonly distortion: np.Array;
  /** The parts of the reconstruction loss by name, of one that has some. */
  readonly parts?: Readonly<Record<string, np.Array>>;
  readonly report: QuantizerReport;
  /** The states of the layers after the step, if the model has some. */
  readonly layers?: LayerStates;
}

const arraysOf = (numbers: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, np.array(value)]));

/** The optimizer in a graph, whatever it does: the state is one of arrays. */
export function graphEnding(conclude: (found: GraphConclusion) => TrainStepResult): StepEnding {
  const finish = jitted(conclude);
  return {
    take: () => undefined,
    heldParts: ({ variables: { params, layers } }) => ({
      ...{ params, optimizer: {}, average: {} },
      ...(layers && { layers }),
    }),
    conclude(
      { work, held, gradients, key, reconstruction, distortion, parts, report },
      before,
      timed,
    ) {
      const shapes = shapesOf(before.variables.params);
      const layers = before.variables.layers && (held.arraysAt(held.places.layers) as LayerStates);
      const result = timed("optimizer", () =>
        finish({
          before: refTree(before),
          gradients: bringOut(work, gradients, shapes) as ModelParams,
          key,
          reconstruction: np.array(reconstruction),
          distortion: np.array(distortion),
          report,
          ...(parts && { parts: arraysOf(parts) }),
          ...(layers && { layers }),
        }),
      );
      held.free();
      return result;
    },
  };
}
