import { type numpy as np, valueAndGrad } from "@jax-js/jax";

/**
 * The value of an objective and its gradients by parameters and input.
 *
 * The casts spare the compiler the expansion of a recursive tree type.
 */
export function differentiate<Params>(
  objective: (params: Params, x: np.Array) => np.Array,
  params: Params,
  x: np.Array,
): { value: np.Array; byParams: Params; byX: np.Array } {
  const run = valueAndGrad(objective as never, { argnums: [0, 1] }) as unknown as (
    params: Params,
    x: np.Array,
  ) => [np.Array, [Params, np.Array]];
  const [value, [byParams, byX]] = run(params, x);
  return { value, byParams, byX };
}
