/** An ONNX graph that is being made: nodes, tensors, and sizes that are computed when it runs. */
import type { Attribute, FileNode } from "../file/modelFile.ts";
import { type ElementType, type FileTensor, tensorBytes } from "../file/tensor.ts";
import { type Dimension, type FreeAxes, isFree, sameDimension } from "../trace/dimension.ts";

/** A tensor of the file, or one whose numbers are still to be read. */
export interface PendingTensor extends Omit<FileTensor, "bytes"> {
  readonly bytes: () => Promise<Uint8Array> | Uint8Array;
}

/** An axis of the input, and what its length becomes a multiple of. */
export interface Filling {
  readonly axis: number;
  readonly multiple: number;
}

export class GraphBuilder {
  readonly #axes: FreeAxes;
  readonly #input: { name: string; readonly shape: readonly Dimension[] };
  readonly #nodes: FileNode[] = [];
  readonly #tensors = new Map<string, PendingTensor>();
  /** The outputs of nodes by all that a node says, and the names of numbers. */
  readonly #made = new Map<string, string[]>();

  /** @param input the tensor whose free axes all sizes are computed from */
  constructor(
    axes: FreeAxes,
    input: { readonly name: string; readonly shape: readonly Dimension[] },
  ) {
    this.#axes = axes;
    this.#input = { ...input };
  }

  /**
   * Fills the input up with zeros behind, along an axis, to a multiple: all sizes are computed from what that
   * makes of it. Returns the names of that, and of the length before as int64 `[1]`.
   */
  fillUp({ axis, multiple }: Filling): { filled: string; length: string } {
    const { name, shape } = this.#input;
    const length = this.#lengthOf(name, axis);
    const more = this.node("Mod", [this.node("Neg", [length]), this.ints([multiple])]);
    const before = this.ints(Array(shape.length + axis).fill(0));
    const after = this.ints(Array(shape.length - 1 - axis).fill(0));
    const ends = this.node("Concat", [before, more, after], { axis: { int: 0 } });
    const filled = this.node("Pad", [name, ends]);
    this.#input.name = filled;
    return { filled, length };
  }

  /** Adds a node with one output. Returns the output's name. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    return this.nodes(operator, inputs, attributes, 1)[0] as string;
  }

  /** Adds a node, unless there is the very same. Returns the names of its outputs. */
  nodes(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    count: number,
  ): string[] {
    const key = JSON.stringify([operator, inputs, attributes]);
    const same = this.#made.get(key);
    if (same) return same;
    const at = this.#nodes.length;
    const outputs = Array.from({ length: count }, (_, i) => `t${at}${i === 0 ? "" : `_${i}`}`);
    this.#nodes.push({ operator, inputs, outputs, attributes });
    this.#made.set(key, outputs);
    return outputs;
  }

  /** Adds a node whose output has a name. */
  named(name: string, operator: string, input: string, attributes: FileNode["attributes"]): void {
    this.#nodes.push({ operator, inputs: [input], outputs: [name], attributes });
  }

  /** Adds a tensor of the file. Returns its name. */
  tensor(name: string, tensor: PendingTensor): string {
    this.#tensors.set(name, tensor);
    return name;
  }

  /** TensorNumbers of the file. Returns their name; the same numbers are stored once. */
  numbers(type: ElementType, shape: readonly number[], values: readonly number[]): string {
    const said = values.map((value) => (Object.is(value, -0) ? "-0" : String(value)));
    const key = `${type} [${shape}] ${said}`;
    const same = this.#made.get(key);
    if (same) return same[0] as string;
    const name = `c${this.#tensors.size}`;
    this.#made.set(key, [name]);
    return this.tensor(name, { type, shape, bytes: () => tensorBytes(type, values) });
  }

  /** One number of the file. */
  scalar(type: ElementType, value: number): string {
    return this.numbers(type, [], [value]);
  }

  /** Sizes or places of the file: int64 `[n]`. */
  ints(values: readonly number[]): string {
    return this.numbers("int64", [values.length], values);
  }

  /** A size as int64 `[1]`. */
  size(size: Dimension): string {
    if (!isFree(size)) return this.ints([size]);
    const [times, by] = size.scale;
    const lengths = size.axes.map((axis) => this.#length(axis));
    const product = lengths.reduce((all, each) => this.node("Mul", [all, each]));
    const scaled = times === 1 ? product : this.node("Mul", [product, this.ints([times])]);
    const whole = by === 1 ? scaled : this.node("Div", [scaled, this.ints([by])]);
    return size.offset === 0 ? whole : this.node("Add", [whole, this.ints([size.offset])]);
  }

  /** Sizes as int64 `[n]`. */
  sizes(sizes: readonly Dimension[]): string {
    if (!sizes.some(isFree)) return this.ints(sizes as readonly number[]);
    if (sizes.length === 1) return this.size(sizes[0]!);
    const parts = sizes.map((size) => this.size(size));
    return this.node("Concat", parts, { axis: { int: 0 } });
  }

  /** The same numbers in another shape. */
  reshape(x: string, from: readonly Dimension[], to: readonly Dimension[]): string {
    if (from.length === to.length && from.every((size, at) => sameDimension(size, to[at]!))) {
      return x;
    }
    // 0 is the size that the input has there, and one -1 is what is left.
    const kept = to.map((size, at) =>
      isFree(size) && at < from.length && sameDimension(size, from[at]!) ? 0 : size,
    );
    const last = kept.findLastIndex(isFree);
    const sizes = kept.map((size, at) => (at === last ? -1 : size));
    return this.node("Reshape", [x, this.sizes(sizes)]);
  }

  /** TensorNumbers repeated along axes of length 1; both shapes have as many axes. */
  expand(x: string, from: readonly Dimension[], to: readonly Dimension[]): string {
    const sizes = to.map((size, at) => (sameDimension(size, from[at]!) ? 1 : size));
    return sizes.every((size) => size === 1) ? x : this.node("Expand", [x, this.sizes(sizes)]);
  }

  /** What the outputs need of all that was made. */
  finish(outputs: readonly string[]): {
    nodes: FileNode[];
    tensors: Map<string, PendingTensor>;
  } {
    const needed = new Set(outputs);
    const nodes = this.#nodes
      .toReversed()
      .filter((node) => {
        if (!node.outputs.some((name) => needed.has(name))) return false;
        for (const name of node.inputs) needed.add(name);
        return true;
      })
      .reverse();
    return { nodes, tensors: new Map([...this.#tensors].filter(([name]) => needed.has(name))) };
  }

  /** The length of a free axis when the graph runs. */
  #length(axis: number): string {
    const at = this.#input.shape.findIndex(
      (size) => isFree(size) && this.#axes.axisOf(size) === axis,
    );
    return this.#lengthOf(this.#input.name, at);
  }

  /** The length of an axis of a tensor, as int64 `[1]`. */
  #lengthOf(tensor: string, at: number): string {
    return this.node("Shape", [tensor], { start: { int: at }, end: { int: at + 1 } });
  }
}
