/** Products of matrices, and convolutions. */
import type { Attribute } from "../file/modelFile.ts";
import { type Dimension, sameDimension, timesDimension } from "../trace/dimension.ts";
import type { Step, Value } from "../trace/program.ts";
import { type Lower, type Lowering, NoOperator } from "./lowering.ts";
import { reduceAxes } from "./numbers.ts";
import { transposed } from "./shapes.ts";

/**
 * `sum(x * y)` along the last axis, where an axis of length 1 meets all of the other's: a product of
 * matrices, one for each place of the axes that both have.
 */
const dot: Lower = (step, to) => {
  const [x, y] = step.inputs as [Value, Value];
  const { dtype, shape } = step.outputs[0]!;
  const [left, right] = [x, y].map((value) => to.tensorAs(value, dtype)) as [string, string];
  const places = shape.map((_, at) => at);
  const one = (value: Value, at: number) => value.shape[at] === 1;
  const rank = places.length + 1;
  const aligned = x.shape.length === rank && y.shape.length === rank;
  const summed = aligned && sameDimension(x.shape[rank - 1]!, y.shape[rank - 1]!);
  const rows = places.filter((at) => summed && one(y, at) && !one(x, at));
  const columns = places.filter((at) => summed && one(x, at) && !one(y, at));
  if (rows.length === 0 || columns.length === 0) {
    const products = to.graph.node("Mul", [left, right]);
    return reduceAxes(to, "ReduceSum", products, [rank - 1]);
  }
  const both = places.filter((at) => !rows.includes(at) && !columns.includes(at));
  const sizes = (axes: readonly number[], value: Value) => axes.map((at) => value.shape[at]!);
  const stacked = sizes(both, x).filter((size) => size !== 1);
  const inner = x.shape[rank - 1]!;
  const matrices = (
    tensor: string,
    value: Value,
    order: readonly number[],
    shapeOfMatrix: readonly Dimension[],
  ) => {
    const moved = transposed(tensor, order, to);
    return to.graph.reshape(moved, sizes(order, value), [...stacked, ...shapeOfMatrix]);
  };
  const [height, width] = [productOf(sizes(rows, x)), productOf(sizes(columns, y))];
  if (height === undefined || width === undefined) throw new NoOperator("dot of free axes");
  const product = to.graph.node("MatMul", [
    matrices(left, x, [...both, ...rows, ...columns, rank - 1], [height, inner]),
    matrices(right, y, [...both, ...rows, rank - 1, ...columns], [inner, width]),
  ]);
  const order = [...both, ...rows, ...columns];
  const apart = order.map((at) => shape[at]!);
  const result = to.graph.reshape(product, [...stacked, height, width], apart);
  return transposed(
    result,
    places.map((at) => order.indexOf(at)),
    to,
  );
};

/** The product of sizes, if it is a formula. */
function productOf(sizes: readonly Dimension[]): Dimension | undefined {
  return sizes.reduce<Dimension | undefined>(
    (product, size) => product && timesDimension(product, size),
    1,
  );
}

interface Axis {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  readonly front: number;
  readonly behind: number;
}

/** What the name of a convolution's part of a program says. */
interface Slides {
  readonly axes: readonly [Axis, Axis];
  readonly groups: number;
  readonly upsample?: number;
  readonly transposed?: boolean;
}

const toChannelsFirst = [0, 3, 1, 2];
const toChannelsLast = [0, 2, 3, 1];

/** Images `[B, H, W, C]` and a kernel, by Conv or ConvTranspose, whose channels come first. */
const convolution: Lower = (step, to) => {
  const slides = slidesOf(step);
  // What its part captured comes before.
  const [images, kernel] = step.inputs.slice(-2) as [Value, Value];
  const first = transposed(to.tensor(images), toChannelsFirst, to);
  // [k, l, in / groups, out] to [out, in / groups, k, l], or transposed [k, l, in, out / groups] to
  // [in, out / groups, k, l].
  const order = slides.transposed ? [2, 3, 0, 1] : [3, 2, 0, 1];
  const weight = transposed(to.tensor(kernel), order, to);
  const enlarged = enlarge(first, slides.upsample ?? 1, to);
  const operator = slides.transposed ? "ConvTranspose" : "Conv";
  const result = to.graph.node(operator, [enlarged, weight], attributesOf(slides));
  return transposed(result, toChannelsLast, to);
};

function slidesOf({ part }: Step): Slides {
  return JSON.parse((part as string).slice((part as string).indexOf(" ")));
}

function attributesOf({ axes, groups, transposed }: Slides): Record<string, Attribute> {
  const each = (pick: (axis: Axis) => number): Attribute => ({ ints: axes.map(pick) });
  const shared = {
    kernel_shape: each(({ size }) => size),
    strides: each(({ stride }) => stride),
    dilations: each(({ dilation }) => dilation),
    group: { int: groups },
    pads: {
      ints: [...axes.map(({ front }) => front), ...axes.map((axis) => atLeast0(axis.behind))],
    },
  };
  if (!transposed) return shared;
  // Fewer pixels cut than none are pixels more.
  return { ...shared, output_padding: each(({ behind }) => atLeast0(-behind)) };
}

const atLeast0 = (value: number): number => Math.max(0, value);

/** Every pixel so many times, along both axes. */
function enlarge(images: string, factor: number, { graph }: Lowering): string {
  if (factor === 1) return images;
  const scales = graph.numbers("float32", [4], [1, 1, factor, factor]);
  return graph.node("Resize", [images, "", scales], {
    mode: { text: "nearest" },
    coordinate_transformation_mode: { text: "asymmetric" },
    nearest_mode: { text: "floor" },
  });
}

/** By the name of the primitive, or of the part. */
export const productPrimitives: Readonly<Record<string, Lower>> = {
  dot,
  "vq.convolution": convolution,
};
