/** Primitives that compute number by number, and reductions. */
import type { Value } from "../trace/program.ts";
import { bitsCompared } from "./bits.ts";
import { largestPlace } from "./largest.ts";
import {
  commonType,
  elementTypeOf,
  type Lower,
  type Lowering,
  madeBy,
  NoOperator,
} from "./lowering.ts";

/** One operator of one input. */
const unary =
  (operator: string): Lower =>
  ({ inputs }, to) =>
    to.graph.node(operator, [to.tensor(inputs[0]!)]);

/** One operator of two numbers, and one of two flags. */
const binary =
  (operator: string, ofFlags?: string): Lower =>
  ({ inputs, outputs }, to) => {
    const { dtype } = outputs[0]!;
    const name = dtype === "bool" ? ofFlags : operator;
    if (!name) throw new NoOperator(`${operator} of ${dtype}`);
    return to.graph.node(
      name,
      inputs.map((value) => to.tensorAs(value, dtype)),
    );
  };

const add: Lower = (step, to) => {
  const [a, b] = step.inputs as [Value, Value];
  const taken = madeBy(b);
  if (taken?.primitive !== "neg" || to.constants.has(b)) return binary("Add", "Or")(step, to);
  return binary("Sub")({ ...step, inputs: [a, taken.inputs[0]!] }, to);
};

/** Twice is nothing: the library writes it where jax-js wants a computed array. */
const neg: Lower = (step, to) => {
  const inner = madeBy(step.inputs[0]!);
  const twice = inner?.primitive === "neg" && !to.constants.has(step.inputs[0]!);
  return twice ? to.tensor(inner.inputs[0]!) : unary("Neg")(step, to);
};

const idiv: Lower = (step, to) => {
  if (step.outputs[0]!.dtype === "int32") return binary("Div")(step, to);
  throw new NoOperator("idiv of float32");
};

const mod: Lower = ({ inputs, outputs }, to) => {
  const [a, b] = inputs.map((value) => to.tensorAs(value, outputs[0]!.dtype)) as [string, string];
  return to.graph.node("Mod", [a, b], { fmod: { int: 1 } });
};

const cast: Lower = ({ inputs, outputs }, to) =>
  to.cast(to.tensor(inputs[0]!), elementTypeOf(outputs[0]!.dtype));

const erfc: Lower = (step, to) =>
  to.graph.node("Sub", [to.graph.scalar("float32", 1), unary("Erf")(step, to) as string]);

const compare: Lower = (step, to) => {
  const { op } = step.params[0] as { op: string };
  const bits = bitsCompared(step, op, to);
  if (bits !== undefined) return bits;
  const type = commonType(step.inputs);
  const inputs = step.inputs.map((value) => {
    const tensor = to.tensorAs(value, type);
    const ordered = type === "bool" && op.startsWith("less");
    return ordered ? to.cast(tensor, "int32") : tensor;
  });
  switch (op) {
    case "less":
      return to.graph.node("Less", inputs);
    case "less_equal":
      return to.graph.node("LessOrEqual", inputs);
    case "equal":
      return to.graph.node("Equal", inputs);
    case "not_equal":
      return to.graph.node("Not", [to.graph.node("Equal", inputs)]);
    default:
      throw new NoOperator(`compare ${op}`);
  }
};

const where: Lower = ({ inputs, outputs }, to) => {
  const [condition, ...choices] = inputs.map((value, at) =>
    at === 0 ? to.tensor(value) : to.tensorAs(value, outputs[0]!.dtype),
  ) as [string, string, string];
  const { graph } = to;
  if (outputs[0]!.dtype !== "bool") return graph.node("Where", [condition, ...choices]);
  const otherwise = graph.node("Not", [condition]);
  return graph.node("Or", [
    graph.node("And", [condition, choices[0]]),
    graph.node("And", [otherwise, choices[1]]),
  ]);
};

const reductions: Readonly<Record<string, string>> = {
  Add: "ReduceSum",
  Max: "ReduceMax",
  Min: "ReduceMin",
  Mul: "ReduceProd",
};

const reduce: Lower = (step, to) => {
  const { op, axis } = step.params[0] as { op: string; axis: readonly number[] };
  const place = largestPlace(step, to);
  if (place !== undefined) return place;
  const [value] = step.inputs as [Value];
  if (value.dtype === "uint32") throw new NoOperator("bits");
  const flags = value.dtype === "bool";
  const own = op === "Add" && flags ? "Max" : op === "Mul" && flags ? "Min" : op;
  const operator = reductions[own];
  if (!operator) throw new NoOperator(`reduce ${op}`);
  const inputs = [flags ? to.cast(to.tensor(value), "int32") : to.tensor(value)];
  const reduced = reduceAxes(to, operator, inputs[0]!, axis);
  return flags ? to.cast(reduced, "bool") : reduced;
};

/** Reduces axes away. */
export const reduceAxes = (
  to: Lowering,
  operator: string,
  tensor: string,
  axes: readonly number[],
): string => to.graph.node(operator, [tensor, to.graph.ints(axes)], { keepdims: { int: 0 } });

/** Bits that no reader knows another way to compute. */
const refuseBits: Lower = (step, to) => {
  const { op } = step.params[0] as { op?: string };
  const flags = step.outputs[0]!.dtype === "bool";
  if (flags && op === "and") return binary("", "And")(step, to);
  if (flags && op === "or") return binary("", "Or")(step, to);
  if (flags && op === "xor") return binary("", "Xor")(step, to);
  throw new NoOperator(`${step.primitive}${op ? ` ${op}` : ""}`);
};

const same: Lower = ({ inputs }, to) => to.tensor(inputs[0]!);

/** By the name of the primitive. */
export const numberPrimitives: Readonly<Record<string, Lower>> = {
  add,
  mul: binary("Mul", "And"),
  idiv,
  mod,
  min: binary("Min", "And"),
  max: binary("Max", "Or"),
  bit_combine: refuseBits,
  neg,
  reciprocal: unary("Reciprocal"),
  floor: unary("Floor"),
  ceil: unary("Ceil"),
  stop_gradient: same,
  cast,
  sin: unary("Sin"),
  cos: unary("Cos"),
  asin: unary("Asin"),
  atan: unary("Atan"),
  exp: unary("Exp"),
  log: unary("Log"),
  erf: unary("Erf"),
  erfc,
  sqrt: unary("Sqrt"),
  reduce,
  compare,
  where,
  rint: unary("Round"),
};
