import { type numpy as np, tree } from "@jax-js/jax";
import { checkInput, positionShape } from "../layout/layout.ts";
import { isArray, isTraced, owns, release } from "../tree.ts";
import type { Quantized } from "./contract.ts";
import {
  checkAlive,
  checkArray,
  checkConcrete,
  checkIndexShape,
  checkKeyArray,
  checkVariables,
  treeShapes,
} from "./guard/arguments.ts";
import {
  type Argument,
  asynchronous,
  type Calls,
  type IndexShape,
  internal,
  optionNames,
  type SearchingCall,
  signatures,
} from "./guard/calls.ts";
import { checkDevices } from "./guard/devices.ts";
import { checkMemory, outOfMemory } from "./guard/memory.ts";
import { checkOptions, knownOptions } from "./guard/options.ts";
import {
  type Bounds,
  checkValues,
  judgeValues,
  type SmallArrays,
  spoil,
  spoilSequences,
} from "./guard/values.ts";

/** What the guard needs of a quantizer. */
interface Guardable {
  readonly config: { readonly type: string };
  readonly dim: number;
  readonly codebookSizes: readonly number[];
  init(key: np.Array): unknown;
}

/** A call whose arguments are what they should be. */
interface Checked {
  /** Positional, the options without those that are undefined. */
  readonly args: unknown[];
  readonly options: Record<string, unknown>;
  /** Axes of the vectors' positions, where the call has vectors. */
  readonly positions: readonly number[] | undefined;
  readonly where: string;
}

type Method = (...args: unknown[]) => unknown;

interface Guard {
  readonly inner: object;
  readonly calls: Calls;
  check(method: string, args: unknown[]): Checked;
}

const guards = new WeakMap<object, Guard>();

/**
 * The quantizer with all that its methods are given checked: before anything is done, and with every
 * array given up on an error.
 *
 * What is checked here are the arguments' kinds, dtypes, shapes, references and names, and numbers
 * where they can be read; `given` itself checks what only its own options tell.
 *
 * @param given its methods borrow the arrays of a call, which are given up once it is over
 */
export function guarded<Q extends object>(given: Q, calls: Calls): Q {
  const quantizer = withMethods(given as Q & Guardable, owning);
  const check = checker(quantizer, calls);
  const open = withMethods(quantizer, (name, method) =>
    guardMethod(name, method, check, quantizer, calls),
  );
  for (const name of internal) delete (open as Record<string, unknown>)[name];
  guards.set(open, { inner: quantizer, calls, check });
  return open;
}

/** The quantizer with each of its methods wrapped. */
function withMethods<Q extends object>(
  quantizer: Q,
  wrap: (name: string, method: Method) => Method,
): Q {
  const members = Object.entries(quantizer).map(([name, member]) => [
    name,
    name in signatures && typeof member === "function" ? wrap(name, member as Method) : member,
  ]);
  return Object.fromEntries(members) as Q;
}

/** A method that takes over what it is given, from one that borrows it. */
function owning(name: string, method: Method): Method {
  if (asynchronous.has(name)) {
    return async (...args) => {
      using _ = owns(args);
      return await method(...args);
    };
  }
  return (...args) => {
    using _ = owns(args);
    return method(...args);
  };
}

/** The quantizer without its guard, for calls whose arguments are known to be right. */
export function unguarded<Q extends object>(quantizer: Q): Q {
  return (guards.get(quantizer)?.inner as Q | undefined) ?? quantizer;
}

/** Numbers that a call makes for each vector at least. */
export function scoresOf(quantizer: object, call: SearchingCall): number {
  return guards.get(quantizer)?.calls.scores?.(call) ?? 0;
}

/** Names of the options that a method takes beside the common ones; undefined if nothing is known. */
export function optionsTakenBy(quantizer: object, method: string): readonly string[] | undefined {
  const guard = guards.get(quantizer);
  return guard && (guard.calls.takes?.[method] ?? []);
}

/** Where the features of a quantizer's vectors and its indices stand, if it is guarded. */
export function layoutsOf(quantizer: object): Pick<Calls, "layout" | "indices"> | undefined {
  return guards.get(quantizer)?.calls;
}

/** Checks arguments as a method's of `quantizer`, if it is guarded; gives them up on an error. */
export function checkCallOf(quantizer: object, method: string, args: unknown[]): void {
  guards.get(quantizer)?.check(method, args);
}

/** Throws unless `variables` are those of `quantizer`, and may be taken over. */
export function checkVariablesOf(
  where: string,
  quantizer: Pick<Guardable, "init">,
  variables: unknown,
): void {
  const shapes = treeShapes(quantizer.init);
  checkVariables(where, variables, shapes, guards.get(quantizer)?.calls.passing);
  checkAlive(where, { variables });
}

function guardMethod(
  name: string,
  method: Method,
  check: Guard["check"],
  { codebookSizes }: Guardable,
  { indices }: Calls,
): Method {
  if (!asynchronous.has(name)) {
    return (...given) => {
      const call = check(name, given);
      try {
        return checkedResult(name, call, (args) => method(...args), { indices, codebookSizes });
      } catch (error) {
        throw outOfMemory(call.where, error);
      }
    };
  }
  return async (...given) => {
    const { args, options, positions, where } = check(name, given);
    const small: SmallArrays = {
      ...pick(options, "lengths"),
      ...pick(options, "emaUpdateWeight"),
      ...(name === "update" && { indices: args[2] as np.Array }),
    };
    if (positions && Object.keys(small).length > 0) {
      try {
        await checkValues(where, small, { positions, indices, codebookSizes });
      } catch (error) {
        release(args);
        throw error;
      }
    }
    return method(...args);
  };
}

function pick(options: Record<string, unknown>, name: string): object {
  return options[name] === undefined ? {} : { [name]: options[name] };
}

/** A synchronous call, numbers out of range told by its result: see `judgeValues`. */
function checkedResult(
  method: string,
  { args, options, positions }: Checked,
  run: (args: unknown[]) => unknown,
  sizes: Pick<Bounds, "indices" | "codebookSizes">,
): unknown {
  const { lengths, targets, emaUpdateWeight, mask } = options as Record<string, np.Array>;
  if (!positions || !(lengths || targets || emaUpdateWeight)) return run(args);
  const { arrays, sequences, loss } = judgeValues(
    {
      ...(lengths && { lengths }),
      ...(emaUpdateWeight && { emaUpdateWeight }),
      ...(targets && { targets: targets.ref }),
      ...(targets && mask && { mask: mask.ref }),
    },
    { positions, ...sizes },
  );
  try {
    return spoilt(method, run([...args.slice(0, -1), { ...options, ...arrays }]), sequences, loss);
  } finally {
    release([sequences, loss]);
  }
}

/** What a call put out, NaN where `sequences` and `loss` say so. Borrows these two. */
function spoilt(method: string, output: unknown, sequences?: np.Array, loss?: np.Array): unknown {
  if (isArray(output)) return sequences ? spoilSequences(output, sequences.ref) : output;
  if ("quantized" in (output as object)) {
    const out = output as Quantized;
    return {
      ...out,
      ...(sequences && { quantized: spoilSequences(out.quantized, sequences.ref) }),
      ...(loss && { loss: spoil(out.loss, loss.ref) }),
    };
  }
  if (!sequences || method === "expire") return output; // a state stays free of NaN
  return tree.map((each: np.Array) => spoil(each, sequences.ref), output as never);
}

/** Checks calls to the methods of `quantizer`. */
function checker(quantizer: Guardable, calls: Calls): Guard["check"] {
  const { config, dim } = quantizer;
  const { layout, indices } = calls;
  let shapes: { known: ReturnType<typeof treeShapes> } | undefined;

  const inspect = (method: string, where: string, given: unknown[]): Checked => {
    const kinds = signatures[method] as readonly Argument[];
    const args = [...given];
    let options: Record<string, unknown> = {};
    let positions: readonly number[] | undefined;
    for (const [at, kind] of kinds.entries()) {
      const value = args[at];
      switch (kind) {
        case "key":
          checkKeyArray(where, kind, value);
          break;
        case "variables":
          shapes ??= { known: treeShapes(quantizer.init) };
          checkVariables(where, value, shapes.known, calls.passing);
          break;
        case "x":
          checkArray(where, kind, value, "float32");
          if (asynchronous.has(method)) checkConcrete(where, kind, value);
          checkInput(where, value.shape, layout, dim);
          positions = positionShape(value.shape, layout);
          break;
        case "indices": {
          checkArray(where, kind, value, "int32");
          if (kinds.includes("logits")) break;
          checkIndexShape(where, kind, value, indices, positions);
          positions ??= positionsOfIndices(value.shape, indices);
          break;
        }
        case "options":
          options = knownOptions(where, value, optionNames(method, calls));
          checkOptions(where, options, { indices, ...(positions && { positions }) });
          args[at] = options;
          break;
        default:
          checkArray(where, kind, value, "float32");
      }
    }
    if (method === "apply" && positions && calls.scores && !options.indices) {
      const rows = (indices.positions?.(positions) ?? positions).reduce((a, b) => a * b, 1);
      const x = args[1] as np.Array;
      // In a trace, what only the state needs may be left out.
      const training = options.training === true && !isTraced(x);
      const depth = typeof options.depth === "number" ? { depth: options.depth } : {};
      checkMemory(where, x, rows, calls.scores({ training, ...depth }));
    }
    const named = Object.fromEntries(kinds.map((kind, at) => [kind, args[at]]));
    checkAlive(where, named);
    checkDevices(where, named);
    return { args, options, positions, where };
  };

  return (method, given) => {
    try {
      return inspect(method, `${config.type}.${method}`, given);
    } catch (error) {
      release(given);
      throw error;
    }
  };
}

/** The axes of indices that are those of positions. */
export function positionsOfIndices(
  shape: readonly number[],
  { groups, axes }: IndexShape,
): readonly number[] {
  return shape.slice(groups === undefined ? 0 : 1, shape.length - axes.length);
}
