/// <reference lib="esnext.disposable" preserve="true" />
import { type JsTree, jit, numpy as np } from "@jax-js/jax";

/**
 * A tree of arrays of a user's own among parameters. The types of `grad` and its like never end at the
 * readonly lists of `ArrayTree`.
 */
export type ParamTree = JsTree<np.Array>;

/** A tree of arrays: plain records and lists whose leaves are arrays, and nothing else. */
export type ArrayTree = np.Array | readonly ArrayTree[] | { readonly [key: string]: ArrayTree };

/** The class of all arrays, those of a trace among them: jax-js gives it no name. */
const AnyArray = Object.getPrototypeOf(np.Array) as new () => np.Array;

/** Whether `value` is an array of jax-js, or one of a trace. */
export function isArray(value: unknown): value is np.Array {
  return value instanceof AnyArray;
}

/** Whether `array` stands for one in a trace: its numbers aren't there. */
export function isTraced(array: np.Array): boolean {
  return !(array instanceof np.Array);
}

/** Whether no reference to `array` is left: a call took the last, or it was disposed of. */
export function isUsedUp(array: np.Array): boolean {
  if (!isTraced(array)) return array.refCount <= 0;
  try {
    array.ref.dispose();
    return false;
  } catch {
    return true;
  }
}

/** Whether `value` is a plain object: what trees of arrays and options are made of. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Calls `visit` with every array in a tree, as often as it stands there, and with its place. */
export function eachArray(
  value: unknown,
  visit: (array: np.Array, place: string) => void,
  place = "",
): void {
  if (isArray(value)) {
    visit(value, place);
    return;
  }
  const isList = Array.isArray(value);
  if (!isList && !isRecord(value)) return;
  for (const key in value) {
    const inner = (value as Record<string, unknown>)[key];
    if (typeof inner !== "object" || inner === null) continue;
    eachArray(inner, visit, isList ? `${place}[${key}]` : place ? `${place}.${key}` : key);
  }
}

/** The arrays among the options of a call, without its flags and numbers. */
export function arraysIn<Options extends object>(
  options: Options,
): {
  [Name in keyof Options as Options[Name] extends np.Array | undefined
    ? Name
    : never]: Options[Name];
} {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => isArray(value))) as never;
}

/** Gives up a reference to every array in a tree; one that has none left is passed over. */
export function release(value: unknown): void {
  eachArray(value, (array) => {
    if (!isUsedUp(array)) array.dispose();
  });
}

/**
 * Takes ownership of `trees` until the end of the enclosing block.
 *
 * `using _ = owns(params, x);` as a first line disposes the arrays on return and on throw alike, so
 * every later use is written `.ref` and none is disposed by hand. An array that the block used up
 * all the same is passed over, so that the error of its next use comes out and no other in its place.
 */
export function owns(...trees: readonly unknown[]): Disposable {
  return {
    [Symbol.dispose]() {
      release(trees);
    },
  };
}

/**
 * `run` under jit, with its own type: jax-js's cannot say every tree of arrays. Where it throws, the
 * arguments are given up all the same: jax-js takes them at the end alone.
 *
 * The casts spare the compiler the expansion of a recursive tree type.
 *
 * @param name what readers of a traced program know this part of it by. Functions' own names don't
 *   survive minifiers
 */
export function jitted<Run extends (...args: never[]) => unknown>(run: Run, name?: string): Run {
  const named =
    name === undefined
      ? run
      : Object.defineProperty((...args: never[]) => run(...args), "name", { value: name });
  const compiled = jit(named as never) as unknown as (...args: unknown[]) => unknown;
  return ((...args: unknown[]) => {
    try {
      return compiled(...args);
    } catch (error) {
      release(args);
      throw error;
    }
  }) as unknown as Run;
}

/** Every function of `graph` under jit. */
export function jittedAll<Graph extends Record<string, (...args: never[]) => unknown>>(
  graph: Graph,
): Graph {
  const all = Object.entries(graph).map(([name, run]) => [name, jitted(run)]);
  return Object.fromEntries(all) as Graph;
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
