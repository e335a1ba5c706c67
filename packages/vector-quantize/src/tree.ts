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
 * `run` under jit, compiled once per `mode`: the arguments that are not arrays. `extra` is a function
 * of the caller's, as part of the mode.
 */
export function jitByMode<Call extends object, Mode extends object, Extra extends object, Result>(
  run: (call: Call, mode: Mode, extra?: Extra) => Result,
): (call: Call, mode: Mode, extra?: Extra) => Result {
  type Jitted = (call: Call) => Result;
  const plain = new Map<string, Jitted>();
  const byExtra = new WeakMap<Extra, Map<string, Jitted>>();
  return (call, mode, extra) => {
    const known = extra ? (byExtra.get(extra) ?? new Map<string, Jitted>()) : plain;
    if (extra) byExtra.set(extra, known);
    const name = JSON.stringify(mode);
    const found = known.get(name);
    if (found) return found(call);
    const made = jitted<Jitted>((given) => run(given, mode, extra));
    known.set(name, made);
    return made(call);
  };
}
