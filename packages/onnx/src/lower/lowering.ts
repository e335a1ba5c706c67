/** From the steps of a program to the nodes of a graph. */
import type { numpy as np } from "@jax-js/jax";
import { type ElementType, elementTypes, tensorBytes } from "../file/tensor.ts";
import type { GraphBuilder } from "../graph/graphBuilder.ts";
import type { Constants, TensorNumbers } from "../trace/constants.ts";
import type { FreeAxes } from "../trace/dimension.ts";
import { countOf, type Step, sizeAmong, type Value } from "../trace/program.ts";

/** Makes the nodes of a step. Returns the names of its outputs. */
export type Lower = (step: Step, to: Lowering) => string | readonly string[];

/** Makes the nodes of a value that is no step's, and follows the size of the input. Returns its name. */
export type LowerFree = (value: Value, to: Lowering) => string;

/** A step that no ONNX operator computes. */
export class NoOperator extends Error {}

/** Constants of at most so many numbers are computed beforehand; more would be stored twice. */
const fewNumbers = 1024;

export class Lowering {
  readonly graph: GraphBuilder;
  readonly axes: FreeAxes;
  readonly constants: Constants;
  readonly #table: Readonly<Record<string, Lower>>;
  readonly #free: LowerFree;
  readonly #names = new Map<Value, string>();
  #stored = 0;

  constructor(
    graph: GraphBuilder,
    axes: FreeAxes,
    constants: Constants,
    table: Readonly<Record<string, Lower>>,
    free: LowerFree,
  ) {
    this.graph = graph;
    this.axes = axes;
    this.constants = constants;
    this.#table = table;
    this.#free = free;
  }

  /** Gives a value the name of its tensor. */
  name(value: Value, name: string): void {
    this.#names.set(value, name);
  }

  /** The nodes of steps in order, but for constants and bits, which are made when they are asked for. */
  run(steps: readonly Step[]): void {
    for (const step of steps) {
      const constant = step.outputs.every((value) => this.constants.has(value));
      if (step.primitive === "random_bits" && !constant) throw new NoOperator("random numbers");
      if (constant || step.outputs.some(isBits)) continue;
      this.#lower(step);
    }
  }

  /** The name of the tensor that a value is. */
  tensor(value: Value): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    if (this.constants.has(value)) this.name(value, this.#constant(value));
    else if (value.source.kind === "step") this.#lower(value.source.step);
    else this.name(value, this.#free(value, this));
    return this.#names.get(value) as string;
  }

  /** The same in another type, as jax-js makes it of numbers that meet such. */
  tensorAs(value: Value, type: string): string {
    if (value.dtype === type) return this.tensor(value);
    const { source } = value;
    if (source.kind === "literal" && this.constants.has(value)) {
      return this.graph.scalar(elementTypeOf(type), source.values[0] as number);
    }
    return this.cast(this.tensor(value), elementTypeOf(type));
  }

  cast(tensor: string, type: ElementType): string {
    return this.graph.node("Cast", [tensor], { to: { int: elementTypes[type] } });
  }

  /** A size among a step's parameters. */
  size(step: Step, pick: (params: never) => number) {
    return sizeAmong(this.axes, step, pick);
  }

  #lower(step: Step): void {
    const name = step.part === undefined ? step.primitive : (step.part.split(" ")[0] as string);
    const lower = Object.hasOwn(this.#table, name) ? this.#table[name] : undefined;
    if (!lower) throw new NoOperator(name);
    const outputs = lower(step, this);
    const names = typeof outputs === "string" ? [outputs] : outputs;
    step.outputs.forEach((value, at) => void this.name(value, names[at]!));
  }

  #constant(value: Value): string {
    const { source } = value;
    const type = elementTypeOf(value.dtype);
    if (source.kind === "literal") return this.graph.scalar(type, source.values[0] as number);
    if (source.kind === "step" && source.step.primitive === "stop_gradient") {
      return this.tensor(source.step.inputs[0]!);
    }
    if (source.kind === "step" && countOf(value) > fewNumbers) {
      try {
        this.#lower(source.step);
        return this.#names.get(value) as string;
      } catch (error) {
        if (!(error instanceof NoOperator)) throw error;
      }
    }
    const array = this.constants.arrayOf(value);
    const name = source.kind === "parameter" ? source.name : `constant${this.#stored++}`;
    const shape = value.shape as readonly number[];
    return this.graph.tensor(name, { type, shape, bytes: () => bytesOf(type, array) });
  }
}

/** TensorNumbers that a program treats as bits: ONNX has no such operators, so readers look through them. */
const isBits = ({ dtype }: Value): boolean => dtype === "uint32";

async function bytesOf(type: ElementType, array: np.Array): Promise<Uint8Array> {
  return tensorBytes(type, (await array.ref.data()) as TensorNumbers);
}

/** A type of jax-js as one of the file. */
export function elementTypeOf(dtype: string): ElementType {
  if (dtype !== "int64" && Object.hasOwn(elementTypes, dtype)) return dtype as ElementType;
  throw new NoOperator(`numbers of ${dtype}`);
}

/** The type that values take on when they meet, by jax-js's rules. */
export function commonType(values: readonly Value[]): string {
  const order = ["bool", "uint32", "int32", "float16", "float32", "float64"];
  const later = (a: string, b: string) => (order.indexOf(a) > order.indexOf(b) ? a : b);
  type Type = Pick<Value, "dtype" | "weak">;
  return values.reduce<Type>((known, { dtype, weak }) => {
    if (weak === known.weak) return { dtype: later(known.dtype, dtype), weak };
    return { dtype: later(weak ? known.dtype : dtype, "uint32"), weak: false };
  }, values[0]!).dtype;
}

/** The step that makes a value, seen through steps that change no number. */
export function madeBy(value: Value): Step | undefined {
  const { source } = value;
  if (source.kind !== "step") return undefined;
  const { step } = source;
  return step.primitive === "stop_gradient" ? madeBy(step.inputs[0]!) : step;
}

/** The number that a value is, if it is one. */
export function numberOf({ source }: Value): number | undefined {
  if (source.kind !== "literal") return undefined;
  return source.values.every((value) => value === source.values[0]) ? source.values[0] : undefined;
}
