import { type numpy as np, tree } from "@jax-js/jax";
import { replacesDeadCodes } from "../../codebook/deadCodes.ts";
import { positionShape } from "../../layout/layout.ts";
import { passage } from "../../passage.ts";
import { jitByMode, jitted } from "../../tree.ts";
import type { TrainingPass } from "../contract.ts";
import { type LayerBatch, passOnKernels } from "../kernelPass.ts";
import {
  bookkeeping,
  storedCodes,
  type VectorQuantizeParams,
  type VectorQuantizeState,
  type VectorQuantizeVariables,
} from "./books.ts";
import type { PlainCodebook } from "./contract.ts";
import { passages, vectorQuantizeGraph } from "./graph.ts";
import { type CompleteOptions, trainsPlainly } from "./options.ts";

/** A training pass of a `vectorQuantize` quantizer that `trainsPlainly` in one codebook. */
export function plainPass(options: CompleteOptions) {
  if (!trainsPlainly(options) || bookkeeping(options).books > 1) return undefined;
  const { metric, layout, commitmentWeight } = options;
  const { toBooks, fromBooks, shapeOfIndices } = passages(options);
  const enter = passage(
    (call: { params: VectorQuantizeParams; x: np.Array }) =>
      toBooks(call.params, call.x)[0] as np.Array, // [M, C]
  );
  const leave = passage(
    (
      call: { params: VectorQuantizeParams; sum: np.Array },
      { positions }: { positions: number[] },
    ) => fromBooks(call.params, [call.sum], positions),
  );
  const stored = jitted(storedCodes);
  const moved = jitByMode(vectorQuantizeGraph(options).move);

  const plain: PlainCodebook = {
    rotates: options.gradient === "rotation",
    replacesDeadCodes: replacesDeadCodes(options.thresholdEmaDeadCode) && !options.freezeCodebook,
    commitmentWeight,
    move(variables, { indices, statistics, vectors }, key) {
      if (options.freezeCodebook) {
        tree.dispose([variables.params, indices, statistics, key] as never);
        return variables.state;
      }
      const draws = key && plain.replacesDeadCodes;
      if (!draws) key?.dispose();
      const batch = {
        vectors: vectors ? [vectors] : [],
        indices: [indices],
        ...(draws && { key }),
      };
      return moved(
        { ...variables, ...batch, statistics: [statistics] },
        { emaUpdate: options.emaUpdate, accumulate: false },
      );
    },
  };

  return {
    plain,

    /** Does not take ownership of `variables` and `key`: they must live until it is done. */
    pass(
      variables: VectorQuantizeVariables,
      x: np.Array,
      key: np.Array | undefined,
    ): Promise<TrainingPass<VectorQuantizeParams, VectorQuantizeState>> {
      const positions = positionShape(x.shape, layout);
      return passOnKernels(tree.ref(variables), x, {
        layers: {
          codebooks: [stored(tree.ref(variables))],
          metric,
          beam: 1,
          beamWeights: [1],
          rotates: plain.rotates,
          needsVectors: plain.replacesDeadCodes,
          move: (_, batch: LayerBatch) => plain.move(tree.ref(variables), batch, key?.ref),
        },
        commitmentWeights: [commitmentWeight],
        lossShape: [],
        indexShape: shapeOfIndices(positions),
        enter: enter({}),
        leave: leave({ positions }),
        stateOf: ([state]) => state as VectorQuantizeState,
      });
    },
  };
}
