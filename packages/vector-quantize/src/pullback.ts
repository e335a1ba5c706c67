import { vjp } from "@jax-js/jax";
import type { ArrayTree } from "./tree.ts";

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
