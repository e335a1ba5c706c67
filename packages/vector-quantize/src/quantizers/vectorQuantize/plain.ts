import { tree } from "@jax-js/jax";
import { replacesDeadCodes } from "../../codebook/deadCodes.ts";
import type { PlainCodebook } from "../kernelPass.ts";
import type { VectorQuantizeState, VectorQuantizeVariables } from "./books.ts";
import type { Parts } from "./graph.ts";
import type { CountedBatch, MoveMode } from "./move.ts";
import { trainsPlainly } from "./options.ts";

/** The single codebook of a quantizer that `trainsPlainly`; its step goes by the compiled `moved`. */
export function plainCodebook(
  { options, deal }: Parts,
  moved: (call: VectorQuantizeVariables & CountedBatch, mode: MoveMode) => VectorQuantizeState,
): PlainCodebook | undefined {
  if (!trainsPlainly(options) || deal.books > 1) return undefined;
  const { commitmentWeight, freezeCodebook, emaUpdate } = options;
  return {
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
      return moved(call, { emaUpdate, accumulate: false });
    },
  };
}
