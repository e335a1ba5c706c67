import { type numpy as np, tree } from "@jax-js/jax";
import { replacesDeadCodes } from "../../codebook/deadCodes.ts";
import { positionShape } from "../../layout/layout.ts";
import { passage } from "../../passage.ts";
import type { TrainingPass } from "../contract.ts";
import { passOnKernels } from "../kernelPass.ts";
import type {
  VectorQuantizeParams,
  VectorQuantizeState,
  VectorQuantizeVariables,
} from "./books.ts";
import type { PlainCodebook } from "./contract.ts";
import type { Parts } from "./graph.ts";
import type { CountedBatch, MoveMode } from "./move.ts";
import { trainsPlainly } from "./options.ts";

/** Compiled functions of the quantizer that its pass uses too. */
interface Compiled {
  stored(variables: VectorQuantizeVariables): np.Array;
  move(call: VectorQuantizeVariables & CountedBatch, mode: MoveMode): VectorQuantizeState;
}

/** A training pass of a `vectorQuantize` quantizer that `trainsPlainly` in one codebook. */
export function plainPass(
  { options, deal, toBooks, fromBooks, shapeOfIndices }: Parts,
  compiled: Compiled,
) {
  if (!trainsPlainly(options) || deal.books > 1) return undefined;
  const { metric, layout, commitmentWeight, freezeCodebook, emaUpdate } = options;
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

  const plain: PlainCodebook = {
    rotates: options.gradient === "rotation",
    replacesDeadCodes: replacesDeadCodes(options.thresholdEmaDeadCode) && !freezeCodebook,
    commitmentWeight,
    move(variables, { statistics, replacements }, key) {
      if (freezeCodebook) {
        tree.dispose([variables.params, statistics, key] as never);
        return variables.state;
      }
      if (!replacements) key?.dispose();
      const drawn = replacements && { replacements: [replacements], ...(key && { key }) };
      const call = { ...variables, statistics: [statistics], ...drawn };
      return compiled.move(call, { emaUpdate, accumulate: false });
    },
  };

  return {
    plain,

    /** Does not take ownership: its arguments must live until it is done. */
    pass(
      variables: VectorQuantizeVariables,
      x: np.Array,
      key: np.Array | undefined,
    ): Promise<TrainingPass<VectorQuantizeParams, VectorQuantizeState>> {
      const positions = positionShape(x.shape, layout);
      return passOnKernels(tree.ref(variables), x.ref, {
        codebooks: [compiled.stored(tree.ref(variables))],
        metric,
        beam: 1,
        beamWeights: [1],
        layers: [plain],
        move: (_, batch) => plain.move(tree.ref(variables), batch, key?.ref),
        lossShape: [],
        indexShape: shapeOfIndices(positions),
        enter: enter({}),
        leave: leave({ positions }),
        stateOf: ([state]) => state as VectorQuantizeState,
      });
    },
  };
}
