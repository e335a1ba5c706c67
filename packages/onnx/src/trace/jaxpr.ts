/** What is read of a traced program: jax-js's own types name neither variables nor literals. */
import { makeJaxpr, type numpy as np } from "@jax-js/jax";

/** Shape and element type of a value. */
export interface Aval {
  readonly shape: readonly number[];
  readonly dtype: string;
  /** Whether the type is that of a bare number, and gives way to others. */
  readonly weakType: boolean;
}

/** A variable, or where it has a `value` a literal. */
export interface Atom {
  readonly aval: Aval;
  readonly value?: number | boolean;
}

export interface Equation {
  readonly primitive: string;
  readonly inputs: readonly Atom[];
  readonly params: Readonly<Record<string, unknown>>;
  readonly outBinders: readonly Atom[];
}

export interface TracedProgram {
  /** Constants that it captured, then its arguments leaf by leaf. */
  readonly inBinders: readonly Atom[];
  readonly eqns: readonly Equation[];
  readonly outs: readonly Atom[];
}

export interface Trace {
  readonly program: TracedProgram;
  readonly consts: readonly np.Array[];
  /** Gives the constants up. */
  dispose(): void;
}

/** Traces `run`, which takes trees of arrays and gives a list of arrays. The arguments stay the caller's. */
export function traceOf(run: (...args: never[]) => np.Array[], args: readonly unknown[]): Trace {
  type Traced = (...args: readonly unknown[]) => { jaxpr: Closed };
  const { jaxpr } = (makeJaxpr(run as never) as unknown as Traced)(...args);
  return { program: jaxpr.jaxpr, consts: jaxpr.consts, dispose: () => jaxpr.dispose() };
}

interface Closed {
  readonly jaxpr: TracedProgram;
  readonly consts: readonly np.Array[];
  dispose(): void;
}
