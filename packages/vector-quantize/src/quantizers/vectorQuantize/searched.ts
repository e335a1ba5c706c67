import { type numpy as np, tree } from "@jax-js/jax";
import { anyDead, replacesDeadCodes } from "../../codebook/deadCodes.ts";
import { floats } from "../../search/kernel.ts";
import { jitted, owns } from "../../tree.ts";
import type { SearchedCodebook } from "../kernelPass.ts";
import type { VectorQuantizeState, VectorQuantizeVariables } from "./books.ts";
import type { Parts } from "./graph.ts";
import type { CountedBatch, MoveMode } from "./move.ts";
import { trainsBySearch } from "./options.ts";

/** The single codebook of a quantizer that `trainsBySearch`; its step goes by the compiled `moved`. */
export function searchedCodebook(
  { options, deal }: Parts,
  moved: (call: VectorQuantizeVariables & CountedBatch, mode: MoveMode) => VectorQuantizeState,
): SearchedCodebook | undefined {
  if (!trainsBySearch(options) || deal.books > 1) return undefined;
  const { commitmentWeight, freezeCodebook, emaUpdate, thresholdEmaDeadCode } = options;
  const mode: MoveMode = { emaUpdate, accumulate: false };
  const isDead = jitted((clusterSize: np.Array) => anyDead(clusterSize, thresholdEmaDeadCode));
  return {
    rotates: options.gradient === "rotation",
    replacesDeadCodes: replacesDeadCodes(options.thresholdEmaDeadCode) && !freezeCodebook,
    commitmentWeight,
    async move(variables, { statistics, draw }, key) {
      if (freezeCodebook) {
        tree.dispose([variables.params, statistics, key] as never);
        return variables.state;
      }
      const call = { ...variables, statistics: [statistics] };
      using _ = owns(call, key);
      const state = moved(tree.ref(call), mode);
      if (!draw || !key) return state;
      // A draw costs more than all the rest: only for codes that are dead.
      const [dead] = await floats(isDead(state.clusterSize.ref));
      if (dead === 0) return state;
      tree.dispose(state as never);
      const drawn = await draw(key, options.codebookSize);
      return moved({ ...tree.ref(call), replacements: [drawn] }, mode);
    },
  };
}
