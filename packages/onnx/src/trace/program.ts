/** One program from several traces of it, with formulas in place of the sizes that differ. */
import type { numpy as np } from "@jax-js/jax";
import { type Dimension, type FreeAxes, isFree } from "./dimension.ts";
import type { Atom, Equation, Trace, TracedProgram } from "./jaxpr.ts";

/** A step of the program: a primitive of jax-js, or a jitted part that is known by its name. */
export interface Step {
  readonly primitive: string;
  /** The name of the part. */
  readonly part?: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Those of each trace. */
  readonly params: readonly Readonly<Record<string, unknown>>[];
}

export interface Value {
  readonly shape: readonly Dimension[];
  readonly dtype: string;
  readonly weak: boolean;
  readonly source: ValueSource;
}

/** Where a value comes from. */
export type ValueSource =
  | { readonly kind: "input" }
  /** A leaf of the variables. */
  | { readonly kind: "parameter"; readonly name: string; readonly array: np.Array }
  /** What the program captured, in each trace. */
  | { readonly kind: "captured"; readonly arrays: readonly np.Array[] }
  /** A number, in each trace. */
  | { readonly kind: "literal"; readonly values: readonly number[] }
  | { readonly kind: "step"; readonly step: Step; readonly output: number };

/** Why a program can't be told by formulas of its free axes. */
export class NoFormula extends Error {}

/** Arguments of a program: leaves of the variables by name, then the input. */
export interface Arguments {
  readonly parameters: readonly { readonly name: string; readonly array: np.Array }[];
  readonly inputShape: readonly Dimension[];
}

export interface Merged {
  readonly input: Value;
  readonly outputs: readonly Value[];
  readonly steps: readonly Step[];
}

/**
 * The program of all `traces`, with its jitted parts put in place but for those that `isPart` knows.
 *
 * @throws NoFormula where traces differ by more than sizes
 */
export function mergeTraces(
  traces: readonly Trace[],
  axes: FreeAxes,
  { parameters, inputShape }: Arguments,
  isPart: (name: string) => boolean,
): Merged {
  const steps: Step[] = [];
  const shapeOf = (avals: readonly Atom[]): Dimension[] =>
    avals[0]!.aval.shape.map((_, at) => {
      const sizes = avals.map(({ aval }) => aval.shape[at] as number);
      const size = axes.fit(sizes);
      if (size === undefined) throw new NoFormula(`an axis of ${sizes.join(", ")}`);
      return size;
    });
  const toValue = (atoms: readonly Atom[], source: ValueSource): Value => {
    const { dtype, weakType } = atoms[0]!.aval;
    return { shape: shapeOf(atoms), dtype, weak: weakType, source };
  };
  const across = <T>(each: (trace: Trace) => T): T[] => traces.map(each);

  const walk = (programs: readonly TracedProgram[], given: readonly Value[]): Value[] => {
    const [first] = programs as [TracedProgram];
    const known = programs.map(
      ({ inBinders }) => new Map<Atom, Value>(inBinders.map((atom, at) => [atom, given[at]!])),
    );
    const read = (atoms: readonly Atom[]): Value => {
      const values = atoms.map((atom, trace) => known[trace]!.get(atom));
      if (values.some((value) => value !== values[0])) {
        throw new NoFormula("inputs of a step that change with the size");
      }
      if (values[0]) return values[0];
      return toValue(atoms, { kind: "literal", values: atoms.map(({ value }) => Number(value)) });
    };
    first.eqns.forEach((equation, at) => {
      const equations = programs.map(({ eqns }) => eqns[at]);
      const same = equations.every((each) => each?.primitive === equation.primitive);
      if (!same) throw new NoFormula(`steps that change with the size (${equation.primitive})`);
      const all = equations as Equation[];
      const inputs = equation.inputs.map((_, i) => read(all.map((each) => each.inputs[i]!)));
      const outputs = putIn(all, inputs);
      all.forEach(({ outBinders }, trace) => {
        outBinders.forEach((atom, i) => void known[trace]!.set(atom, outputs[i]!));
      });
    });
    if (programs.some(({ eqns }) => eqns.length !== first.eqns.length)) {
      throw new NoFormula("a number of steps that changes with the size");
    }
    return first.outs.map((_, i) => read(programs.map(({ outs }) => outs[i]!)));
  };

  const putIn = (equations: readonly Equation[], inputs: readonly Value[]): readonly Value[] => {
    const [{ primitive, params, outBinders }] = equations as [Equation];
    const name = primitive === "jit" ? String(params.name) : "";
    if (primitive === "jit" && !isPart(name)) {
      return walk(
        equations.map((each) => each.params.jaxpr as TracedProgram),
        inputs,
      );
    }
    const outputs: Value[] = [];
    const step: Step = {
      ...{ primitive, inputs, outputs, params: equations.map((each) => each.params) },
      ...(primitive === "jit" && { part: name }),
    };
    outBinders.forEach((_, output) => {
      const atoms = equations.map((each) => each.outBinders[output]!);
      outputs.push(toValue(atoms, { kind: "step", step, output }));
    });
    steps.push(step);
    return outputs;
  };

  const programs = across(({ program }) => program);
  const counts = across(({ consts }) => consts.length);
  if (counts.some((count) => count !== counts[0]))
    throw new NoFormula("constants that come and go");
  const binders = (at: number) => programs.map(({ inBinders }) => inBinders[at]!);
  const captured = traces[0]!.consts.map((_, at) =>
    toValue(binders(at), { kind: "captured", arrays: across(({ consts }) => consts[at]!) }),
  );
  const own = parameters.map((parameter, at) =>
    toValue(binders(captured.length + at), { kind: "parameter", ...parameter }),
  );
  const { aval } = binders(captured.length + own.length)[0]!;
  const input: Value = {
    ...{ shape: inputShape, dtype: aval.dtype, weak: aval.weakType },
    source: { kind: "input" },
  };
  const outputs = walk(programs, [...captured, ...own, input]);
  for (const [at, name] of axes.names.entries()) {
    const left = outputs[0]!.shape.some((size) => isFree(size) && size.axes.includes(at));
    if (!left) throw new NoFormula(`an output that does not grow with ${name}`);
  }
  return { input, outputs, steps };
}

/** The steps that outputs depend on, in order. */
export function neededSteps(steps: readonly Step[], outputs: readonly Value[]): Step[] {
  const needed = new Set<Value>(outputs);
  const kept = steps.toReversed().filter((step) => {
    if (!step.outputs.some((value) => needed.has(value))) return false;
    for (const value of step.inputs) needed.add(value);
    return true;
  });
  return kept.reverse();
}

/** TensorNumbers of a step's parameters, in each trace, as a size. */
export function sizeAmong(axes: FreeAxes, step: Step, pick: (params: never) => number): Dimension {
  const values = step.params.map((params) => pick(params as never));
  const size = axes.fit(values);
  if (size === undefined) throw new NoFormula(`${step.primitive} by ${values.join(", ")}`);
  return size;
}

/** Whether all sizes of a value are numbers. */
export const isFixed = ({ shape }: Value): boolean => !shape.some(isFree);

/** How many numbers a value of fixed shape has. */
export const countOf = ({ shape }: Value): number =>
  (shape as readonly number[]).reduce((product, size) => product * size, 1);
