/** Primitives that move numbers about. */
import { type Dimension, sameDimension } from "../trace/dimension.ts";
import type { Step, Value } from "../trace/program.ts";
import { type Lower, type Lowering, madeBy } from "./lowering.ts";

const reshape: Lower = ({ inputs, outputs }, to) => {
  const [x] = inputs as [Value];
  return to.graph.reshape(to.tensor(x), x.shape, outputs[0]!.shape);
};

const broadcast: Lower = ({ inputs, outputs, params }, to) => {
  const [x] = inputs as [Value];
  const { axis } = params[0] as { axis: readonly number[] };
  const { shape } = outputs[0]!;
  const own = x.shape.values();
  const apart = shape.map((_, at) => (axis.includes(at) ? 1 : (own.next().value as Dimension)));
  return to.graph.expand(to.graph.reshape(to.tensor(x), x.shape, apart), apart, shape);
};

const transpose: Lower = ({ inputs, params }, to) =>
  transposed(to.tensor(inputs[0]!), (params[0] as { perm: readonly number[] }).perm, to);

/** Axes in another order. */
export function transposed(tensor: string, order: readonly number[], { graph }: Lowering): string {
  if (order.every((axis, at) => axis === at)) return tensor;
  return graph.node("Transpose", [tensor], { perm: { ints: order } });
}

type Pairs = readonly (readonly [number, number])[];

/** Both numbers of a pair for each axis. */
function pairsOf(step: Step, name: "width" | "slice", to: Lowering): [Dimension, Dimension][] {
  const pick = (axis: number, end: 0 | 1) =>
    to.size(step, (params: Record<typeof name, Pairs>) => params[name][axis]![end]);
  const [first] = step.params as readonly [Record<typeof name, Pairs>];
  return first[name].map((_, axis) => [pick(axis, 0), pick(axis, 1)]);
}

const pad: Lower = (step, to) => {
  const widths = pairsOf(step, "width", to);
  const ends = to.graph.sizes([0, 1].flatMap((end) => widths.map((pair) => pair[end]!)));
  return to.graph.node("Pad", [to.tensor(step.inputs[0]!), ends]);
};

const shrink: Lower = (step, to) => {
  const [x] = step.inputs as [Value];
  const kept = pairsOf(step, "slice", to);
  const padded = madeBy(x);
  if (padded?.primitive === "pad" && undoes(kept, padded, to)) return to.tensor(padded.inputs[0]!);
  const axes = kept.flatMap(([start, end], at) =>
    start === 0 && sameDimension(end, x.shape[at]!) ? [] : [at],
  );
  if (axes.length === 0) return to.tensor(x);
  const ends = [0, 1].map((end) => to.graph.sizes(axes.map((axis) => kept[axis]![end]!)));
  return to.graph.node("Slice", [to.tensor(x), ...ends, to.graph.ints(axes)]);
};

/** Whether what is kept is what was there before the padding, which only made jax-js finish it. */
function undoes(kept: readonly [Dimension, Dimension][], padding: Step, to: Lowering): boolean {
  const { shape } = padding.inputs[0]!;
  return pairsOf(padding, "width", to).every(
    ([front], at) => front === 0 && kept[at]![0] === 0 && sameDimension(kept[at]![1], shape[at]!),
  );
}

const concatenate: Lower = ({ inputs, outputs, params }, to) => {
  const { axis } = params[0] as { axis: number };
  const parts = inputs.map((value) => to.tensorAs(value, outputs[0]!.dtype));
  return to.graph.node("Concat", parts, { axis: { int: axis } });
};

const split: Lower = (step, to) => {
  const { axis, sizes } = step.params[0] as { axis: number; sizes: readonly number[] };
  const own = sizes.map((_, at) =>
    to.size(step, (params: { sizes: readonly number[] }) => params.sizes[at]!),
  );
  const inputs = [to.tensor(step.inputs[0]!), to.graph.sizes(own)];
  return to.graph.nodes("Split", inputs, { axis: { int: axis } }, sizes.length);
};

const flip: Lower = ({ inputs, params }, to) => {
  const { axis } = params[0] as { axis: readonly number[] };
  if (axis.length === 0) return to.tensor(inputs[0]!);
  const each = (value: number) => to.graph.ints(axis.map(() => value));
  const [last, beforeFirst] = [each(-1), each(-(2 ** 31))];
  return to.graph.node("Slice", [
    to.tensor(inputs[0]!),
    ...[last, beforeFirst, to.graph.ints(axis), each(-1)],
  ]);
};

const gather: Lower = (step, to) => {
  const [x, ...indices] = step.inputs as [Value, ...Value[]];
  const { axis: axes, outDim } = step.params[0] as { axis: readonly number[]; outDim: number };
  const rank = step.outputs[0]!.shape.length;
  const placed = rank - (x.shape.length - axes.length); // axes of the indices
  const found =
    axes.length === 1 ? along(x, indices[0]!, axes[0]!, to) : atPlaces(step, placed, to);
  const first = axes.length === 1 ? axes[0]! : 0;
  const order = Array.from({ length: rank }, (_, at) => at);
  const own = order.splice(first, placed);
  order.splice(outDim, 0, ...own);
  return transposed(found, order, to);
};

function along(x: Value, index: Value, axis: number, to: Lowering): string {
  return to.graph.node("Gather", [to.tensor(x), to.tensor(index)], { axis: { int: axis } });
}

/** By several indices at once, each along an axis of its own: the axes of the indices come first. */
function atPlaces(step: Step, placed: number, to: Lowering): string {
  const [x, ...indices] = step.inputs as [Value, ...Value[]];
  const { axis: axes, outDim } = step.params[0] as { axis: readonly number[]; outDim: number };
  const shape = step.outputs[0]!.shape.slice(outDim, outDim + placed);
  const others = x.shape.flatMap((_, at) => (axes.includes(at) ? [] : [at]));
  const columns = indices.map((index) => {
    const missing = shape.slice(index.shape.length).map(() => 1);
    const wide = [...missing, ...index.shape];
    const same = to.graph.reshape(to.cast(to.tensor(index), "int64"), index.shape, wide);
    return to.graph.reshape(to.graph.expand(same, wide, shape), shape, [...shape, 1]);
  });
  const places = to.graph.node("Concat", columns, { axis: { int: placed } });
  return to.graph.node("GatherND", [transposed(to.tensor(x), [...axes, ...others], to), places]);
}

/** By the name of the primitive. */
export const shapePrimitives: Readonly<Record<string, Lower>> = {
  reshape,
  broadcast,
  transpose,
  pad,
  shrink,
  concatenate,
  split,
  flip,
  gather,
};
