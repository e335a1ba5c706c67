import { grad, numpy as np, tree } from "@jax-js/jax";
import { VectorQuantizeError } from "../errors.ts";
import { trainingPath } from "../paths.ts";
import { type ArrayTree, jitted, owns } from "../tree.ts";
import type { PassGradients, PassOptions, Quantizer, TrainingPass, Variables } from "./contract.ts";
import { checkCallOf, unguarded } from "./guard.ts";

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
export function createTrainingPass(given: Quantizer): RunTrainingPass {
  const quantizer = unguarded(given);
  type Inputs = { params: ArrayTree; x: np.Array };
  interface Fixed {
    state: ArrayTree;
    options: PassOptions & { indices?: np.Array; prepared?: ArrayTree };
  }
  const apply = ({ params, x }: Inputs, { state, options }: Fixed) =>
    quantizer.apply({ params, state }, x, { training: true, ...options });
  const forward = jitted(apply);
  // The forward part is computed again: jax-js keeps each way back that it makes outside of jit.
  const backward = jitted((inputs: Inputs, fixed: Fixed, gradients: PassGradients): Inputs => {
    const along = (at: Inputs): np.Array => {
      const { quantized, loss, ...rest } = apply(at, fixed);
      tree.dispose(rest as never);
      const byLoss = np.sum(loss.mul(gradients.loss));
      return np.sum(quantized.mul(gradients.quantized)).add(byLoss);
    };
    return grad(along as never)(...([inputs] as never)) as Inputs;
  });

  return async (variables, x, options = {}) => {
    checkCallOf(given, "pass", [variables, x, options]);
    using _ = owns(variables, x, options);
    const own = () => tree.ref(variables as never) as Variables;
    const { indices: known, ...drawing } = options;
    if (known && !quantizer.trainsApart) throw noSearchApart(quantizer);
    const taken = () => tree.ref(drawing);
    const path = trainingPath(quantizer, x);
    if (quantizer.pass && path === "pass") {
      return await quantizer.pass(own(), x.ref, tree.ref(options));
    }
    const apart = path === "apart";
    const indices = apart ? (known?.ref ?? (await quantizer.encode(own(), x.ref))) : undefined;
    const prepared = apart ? await quantizer.prepare?.(own(), x.ref, taken()) : undefined;
    const moved = indices && (await quantizer.update(own(), x.ref, indices.ref, taken()));
    const fixed: Fixed = {
      state: tree.ref(variables.state as never),
      options: { ...taken(), ...(indices && { indices }), ...(prepared && { prepared }) },
    };
    const inputs: Inputs = { params: tree.ref(variables.params as never), x: x.ref };
    const { state, ...outputs } = forward(tree.ref(inputs as never), tree.ref(fixed as never));
    if (moved) tree.dispose(state as never);
    return {
      quantized: { ...outputs, state: moved ?? state },
      back: async (gradients) => backward(inputs, fixed, gradients),
      dispose: () => tree.dispose([inputs, fixed] as never),
    };
  };
}

const noSearchApart = ({ config: { type } }: Quantizer) =>
  new VectorQuantizeError(
    `${type}.pass: expected no indices, got some. With these options a search apart is not what training does`,
  );
