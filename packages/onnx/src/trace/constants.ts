/** Values that don't depend on the input, computed by jax-js as the program would. */
import { numpy as np } from "@jax-js/jax";
import { isFixed, type Step, type Value } from "./program.ts";

export type TensorNumbers = Float32Array | Int32Array | Uint32Array;

/** What is known of values before the program runs. Holds arrays until it is disposed of. */
export class Constants {
  readonly #captured: ReadonlyMap<Value, readonly TensorNumbers[]>;
  readonly #known = new Map<Value, boolean>();
  readonly #arrays = new Map<Value, np.Array>();

  private constructor(captured: ReadonlyMap<Value, readonly TensorNumbers[]>) {
    this.#captured = captured;
  }

  /** Reads what the steps captured. */
  static async of(steps: readonly Step[], outputs: readonly Value[]): Promise<Constants> {
    const values = new Set([...steps.flatMap(({ inputs }) => inputs), ...outputs]);
    const captured = new Map<Value, readonly TensorNumbers[]>();
    for (const value of values) {
      const { source } = value;
      if (source.kind !== "captured") continue;
      const read = source.arrays.map(async (array) => (await array.ref.data()) as TensorNumbers);
      captured.set(value, await Promise.all(read));
    }
    return new Constants(captured);
  }

  /** The numbers of a captured array, in each trace. */
  capturedNumbers(value: Value): readonly TensorNumbers[] {
    return this.#captured.get(value) as readonly TensorNumbers[];
  }

  /** Whether a value is the same whatever the input and its size. */
  has(value: Value): boolean {
    const known = this.#known.get(value) ?? this.#isConstant(value);
    this.#known.set(value, known);
    return known;
  }

  #isConstant(value: Value): boolean {
    const { source } = value;
    if (!isFixed(value)) return false;
    switch (source.kind) {
      case "input":
        return false;
      case "parameter":
        return true;
      case "literal":
        return source.values.every((number) => Object.is(number, source.values[0]));
      case "captured": {
        const [first, ...others] = this.capturedNumbers(value) as [
          TensorNumbers,
          ...TensorNumbers[],
        ];
        return others.every((numbers) => equalNumbers(numbers, first));
      }
      case "step":
        return (
          source.step.inputs.every((input) => this.has(input)) && source.step.outputs.every(isFixed)
        );
    }
  }

  /** The value of a constant. The array stays ours. */
  arrayOf(value: Value): np.Array {
    const known = this.#arrays.get(value);
    if (known) return known;
    const { source } = value;
    if (source.kind === "step") this.#compute(source.step);
    else this.#arrays.set(value, given(value));
    return this.#arrays.get(value) as np.Array;
  }

  #compute(step: Step): void {
    const inputs = step.inputs.map((input) => this.arrayOf(input).ref);
    const outputs = evaluate(step.primitive, inputs, step.params[0]!);
    step.outputs.forEach((value, at) => void this.#arrays.set(value, outputs[at]!));
  }

  dispose(): void {
    for (const array of this.#arrays.values()) array.dispose();
    this.#arrays.clear();
  }
}

function given({ source, dtype }: Value): np.Array {
  switch (source.kind) {
    case "parameter":
      return source.array.ref;
    case "captured":
      return source.arrays[0]!.ref;
    case "literal": {
      const [number] = source.values as [number];
      const value = dtype === "bool" ? Boolean(number) : number;
      return np.array(value, { dtype: dtype as never });
    }
    default:
      throw new Error(`internal: ${source.kind} is no constant`);
  }
}

type Evaluate = (primitive: string, inputs: np.Array[], params: unknown) => np.Array[];

/** A primitive of jax-js on arrays, which it takes. It is hidden in the types, and a test guards it. */
function evaluate(primitive: string, inputs: np.Array[], params: unknown): np.Array[] {
  const [some] = inputs as unknown as [{ readonly _trace: { processPrimitive: Evaluate } }];
  return some._trace.processPrimitive(primitive, inputs, params);
}

function equalNumbers(a: TensorNumbers, b: TensorNumbers): boolean {
  return a.length === b.length && a.every((number, at) => Object.is(number, b[at]));
}
