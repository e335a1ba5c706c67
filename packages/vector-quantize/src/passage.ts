import { type numpy as np, vjp } from "@jax-js/jax";
import { jitByMode } from "./tree.ts";

/** A function of one tree of arrays, and its way back, each a compiled graph. */
export interface Passage<Inputs> {
  /** Takes ownership of `inputs`. */
  forward(inputs: Inputs): np.Array;
  /** The gradient by the inputs, from that by the output. Takes ownership of both. */
  backward(inputs: Inputs, gradient: np.Array): Inputs;
}

/**
 * `run` as a passage for each `mode`. What the gradient needs is computed again: for light work.
 *
 * Unlike the `vjp` of a compiled function, which jax-js transposes anew at each call and keeps, the
 * way back is made once, and nothing stays behind.
 */
export function passage<Inputs extends object, Mode extends object>(
  run: (inputs: Inputs, mode: Mode) => np.Array,
): (mode: Mode) => Passage<Inputs> {
  const forward = jitByMode(run);
  type Call = { inputs: Inputs; gradient: np.Array };
  const backward = jitByMode(({ inputs, gradient }: Call, mode: Mode): Inputs => {
    const at = (given: Inputs) => run(given, mode);
    const [output, back] = vjp(at as never, [inputs] as never) as unknown as [
      np.Array,
      ((gradient: np.Array) => [Inputs]) & { dispose(): void },
    ];
    output.dispose();
    const [found] = back(gradient);
    back.dispose();
    return found;
  });
  return (mode) => ({
    forward: (inputs) => forward(inputs, mode),
    backward: (inputs, gradient) => backward({ inputs, gradient }, mode),
  });
}
