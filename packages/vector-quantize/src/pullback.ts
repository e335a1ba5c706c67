import { type numpy as np, vjp } from "@jax-js/jax";
import { type ArrayTree, jitByMode } from "./tree.ts";

/** The way back from the gradient of an output to that of what it was computed from. */
export interface Pullback<Inputs, Output> {
  /** Takes ownership of `gradient`; may be called once. */
  (gradient: Output): Inputs;
  /** In place of a call. */
  dispose(): void;
}

/**
 * `run` of one tree of arrays: its output, the way back for a gradient, and what it gives beside the
 * output, which has none. Takes ownership of `inputs`.
 */
export function pullback<Inputs, Output extends ArrayTree, Aside extends ArrayTree>(
  run: (inputs: Inputs) => [Output, Aside],
  inputs: Inputs,
): [Output, Pullback<Inputs, Output>, Aside] {
  const options = { hasAux: true } as const;
  const [output, back, aside] = vjp(run as never, [inputs] as never, options) as unknown as [
    Output,
    ((gradient: Output) => [Inputs]) & { dispose(): void },
    Aside,
  ];
  const home = (gradient: Output): Inputs => {
    const [found] = back(gradient);
    back.dispose();
    return found;
  };
  return [output, Object.assign(home, { dispose: () => back.dispose() }), aside];
}

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
 * Unlike a pullback of a compiled function, which jax-js transposes anew at each call and keeps, the
 * way back is made once, and nothing stays behind.
 */
export function passage<Inputs extends object, Mode extends object>(
  run: (inputs: Inputs, mode: Mode) => np.Array,
): (mode: Mode) => Passage<Inputs> {
  const forward = jitByMode(run);
  type Call = { inputs: Inputs; gradient: np.Array };
  const backward = jitByMode(({ inputs, gradient }: Call, mode: Mode): Inputs => {
    const at = (given: Inputs): [np.Array, ArrayTree] => [run(given, mode), []];
    const [output, back] = pullback(at, inputs);
    output.dispose();
    return back(gradient);
  });
  return (mode) => ({
    forward: (inputs) => forward(inputs, mode),
    backward: (inputs, gradient) => backward({ inputs, gradient }, mode),
  });
}
