import { type numpy as np, tree } from "@jax-js/jax";
import { supports } from "../kernels/binary.ts";
import { pullback } from "../pullback.ts";
import { onKernels } from "../search/kernel.ts";
import { type ArrayTree, jitted, owns } from "../tree.ts";
import type {
  PassGradients,
  PassOptions,
  Quantized,
  Quantizer,
  TrainingPass,
  Variables,
} from "./contract.ts";

/** Takes ownership of the arrays that it is given. */
export type RunTrainingPass = (
  variables: Variables,
  x: np.Array,
  options?: PassOptions,
) => Promise<TrainingPass>;

/**
 * A training call of a quantizer outside of a graph, with the way back for gradients: search and
 * codebook update on the kernels, and all the rest too where the quantizer has a `pass`.
 *
 * ```ts
 * const run = createTrainingPass(quantizer);
 * const { quantized, back } = await run(variables, x, { key });
 * // ... the gradients of what comes after, by quantized.quantized and quantized.loss ...
 * const { params, x: gradient } = await back({ quantized: byOutput, loss: byLoss });
 * ```
 *
 * Outputs, state and gradients are those of `apply` with `training: true`, up to rounding.
 */
export function createTrainingPass(quantizer: Quantizer): RunTrainingPass {
  interface Fixed {
    state: ArrayTree;
    options: PassOptions & { indices?: np.Array; prepared?: ArrayTree };
  }
  type Inputs = { params: ArrayTree; x: np.Array };
  type Rest = Omit<Quantized, "quantized" | "loss">;
  const apply = jitted(
    ({ params, x }: Inputs, { state, options }: Fixed): [PassGradients, Rest] => {
      const call = { training: true, ...options };
      const { quantized, loss, ...rest } = quantizer.apply({ params, state }, x, call);
      return [{ quantized, loss }, rest];
    },
  );

  return async (variables, x, options = {}) => {
    using _ = owns(variables, x, options);
    const own = () => tree.ref(variables as never) as Variables;
    const given = () => tree.ref(options);
    if (quantizer.pass && onKernels(x) && supports("plain")) {
      return await quantizer.pass(own(), x.ref, given());
    }
    const apart = quantizer.trainsApart && onKernels(x);
    const indices = apart ? await quantizer.encode(own(), x.ref) : undefined;
    const prepared = apart ? await quantizer.prepare?.(own(), x.ref, given()) : undefined;
    const moved = indices && (await quantizer.update(own(), x.ref, indices.ref, given()));
    const fixed: Fixed = {
      state: tree.ref(variables.state as never),
      options: { ...given(), ...(indices && { indices }), ...(prepared && { prepared }) },
    };
    const inputs: Inputs = { params: tree.ref(variables.params as never), x: x.ref };
    const [outputs, back, { state, ...rest }] = pullback((at: Inputs) => apply(at, fixed), inputs);
    if (moved) tree.dispose(state as never);
    return {
      quantized: { ...outputs, ...rest, state: moved ?? state },
      back: async (gradients) => back(gradients),
      dispose: () => back.dispose(),
    };
  };
}
