/** Constants whose shapes or numbers follow from the sizes of the input. */
import type { TensorNumbers } from "../trace/constants.ts";
import { type Dimension, isFree } from "../trace/dimension.ts";
import { NoFormula, type Value } from "../trace/program.ts";
import { elementTypeOf, type LowerFree, type Lowering } from "./lowering.ts";

/** A number that differs between traces: a size, or one by a size, as in means. */
function literalTensor(value: Value, values: readonly number[], to: Lowering): string {
  const type = elementTypeOf(value.dtype);
  const [size, inverse] = [values, values.map((each) => Math.round(1 / each))].map((each) =>
    to.axes.fit(each),
  );
  const scalar = (found: Dimension) =>
    to.cast(to.graph.node("Squeeze", [to.graph.size(found), to.graph.ints([0])]), type);
  if (size !== undefined) return scalar(size);
  const close = values.every((each) => Math.abs(each * Math.round(1 / each) - 1) < 1e-6);
  if (inverse !== undefined && close) return to.graph.node("Reciprocal", [scalar(inverse)]);
  throw new NoFormula(`a number of ${values.join(", ")}`);
}

/** A number or an array that the program captured. */
export const freeConstant: LowerFree = (value, to) =>
  value.source.kind === "literal"
    ? literalTensor(value, value.source.values, to)
    : capturedTensor(value, to);

/**
 * A captured array of the batch's size: the same number everywhere, `0, 1, 2, ...` along the free axis,
 * or the same rows along free axes.
 */
function capturedTensor(value: Value, to: Lowering): string {
  const { shape } = value;
  const all = to.constants.capturedNumbers(value);
  const shapes = to.axes.lengths.map((_, trace) => tracedShape(value, trace));
  const type = elementTypeOf(value.dtype);
  const ones = shape.map(() => 1);
  if (all.every((numbers) => numbers.every((number) => Object.is(number, all[0]![0])))) {
    const number = to.graph.numbers(type, ones, [all[0]![0] as number]);
    return to.graph.expand(number, ones, shape);
  }
  const [only, ...others] = shape.flatMap((size, at) => (isFree(size) ? [at] : []));
  const counts = all.every((numbers, trace) => counting(numbers, shapes[trace]!, only!));
  if (others.length === 0 && counts) return range(shape, only!, to);
  const rows = all.map((numbers, trace) => commonRow(numbers, shapes[trace]!, shape));
  const [row] = rows;
  if (!row || rows.some((each) => String(each) !== String(row))) {
    throw new NoFormula(`a constant of shapes [${shapes.map(String).join("], [")}]`);
  }
  const fixed = shape.map((size) => (isFree(size) ? 1 : size));
  return to.graph.expand(to.graph.numbers(type, fixed, row), fixed, shape);

  function range(sizes: readonly Dimension[], axis: number, { graph }: Lowering): string {
    const length = graph.node("Squeeze", [graph.size(sizes[axis]!), graph.ints([0])]);
    const counted = to.cast(
      graph.node("Range", [graph.scalar("int64", 0), length, graph.scalar("int64", 1)]),
      type,
    );
    const apart = sizes.map((size, at) => (at === axis ? size : 1));
    return graph.expand(graph.reshape(counted, [sizes[axis]!], apart), apart, sizes);
  }
}

function tracedShape({ source }: Value, trace: number): readonly number[] {
  if (source.kind !== "captured") throw new Error("internal: not captured");
  return source.arrays[trace]!.shape;
}

/** Whether numbers are their own places along an axis. */
function counting(numbers: TensorNumbers, shape: readonly number[], axis: number): boolean {
  const after = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const length = shape[axis] as number;
  return numbers.every((number, at) => number === Math.floor(at / after) % length);
}

/** The numbers at place 0 of the free axes, if they are the same at all others. */
function commonRow(
  numbers: TensorNumbers,
  shape: readonly number[],
  sizes: readonly Dimension[],
): number[] | undefined {
  const strides = shape.map((_, at) => shape.slice(at + 1).reduce((a, b) => a * b, 1));
  const row: number[] = [];
  const same = numbers.every((number, at) => {
    const place = shape.reduce((sum, size, axis) => {
      if (isFree(sizes[axis]!)) return sum;
      return sum * size + (Math.floor(at / strides[axis]!) % size);
    }, 0);
    row[place] ??= number;
    return Object.is(row[place], number);
  });
  return same ? row : undefined;
}
