/// <reference lib="esnext.disposable" preserve="true" />
import { jit, type numpy as np, tree } from "@jax-js/jax";

/** A tree of arrays: plain records and lists whose leaves are arrays, and nothing else. */
export type ArrayTree = np.Array | readonly ArrayTree[] | { readonly [key: string]: ArrayTree };

/**
 * Takes ownership of `trees` until the end of the enclosing block.
 *
 * `using _ = owns(params, x);` as a first line disposes the arrays on return and on throw alike, so
 * every later use is written `.ref` and none is disposed by hand.
 */
export function owns(...trees: readonly unknown[]): Disposable {
  return {
    [Symbol.dispose]() {
      for (const owned of trees) tree.dispose(owned as np.Array);
    },
  };
}

/**
 * `run` under jit, with its own type: jax-js's cannot say every tree of arrays.
 *
 * The casts spare the compiler the expansion of a recursive tree type.
 */
export function jitted<Run extends (...args: never[]) => unknown>(run: Run): Run {
  return jit(run as never) as unknown as Run;
}

/**
 * `run` under jit, compiled once per `mode`: the arguments that are not arrays. With an `extra`, a
 * function of the caller's that may hold arrays of a trace around it, it runs without.
 */
export function jitByMode<Call extends object, Mode extends object, Extra, Result>(
  run: (call: Call, mode: Mode, extra?: Extra) => Result,
): (call: Call, mode: Mode, extra?: Extra) => Result {
  const made = new Map<string, (call: Call) => Result>();
  return (call, mode, extra) => {
    if (extra) return run(call, mode, extra);
    const name = JSON.stringify(mode);
    const known = made.get(name) ?? jitted<(call: Call) => Result>((given) => run(given, mode));
    made.set(name, known);
    return known(call);
  };
}
