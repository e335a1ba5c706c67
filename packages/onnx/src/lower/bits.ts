/** Questions about numbers that programs ask of their bits. */
import type { Step, Value } from "../trace/program.ts";
import { type Lowering, madeBy, numberOf } from "./lowering.ts";

const withoutSign = 0x7fffffff;
const exponent = 0x7f800000;

/**
 * `bits(x) & 0x7fffffff < limit`, and its largest along an axis: whether `|x|` is below the number of these
 * bits. `bits(x) & 0x7f800000 != 0x7f800000`: whether `x` is finite. NaN is never below.
 *
 * @returns the flags, or undefined for other comparisons
 */
export function bitsCompared(step: Step, op: string, to: Lowering): string | undefined {
  const [left, right] = step.inputs as [Value, Value];
  const limit = numberOf(right);
  if (left.dtype !== "uint32" || limit === undefined) return undefined;
  const below = (x: Value, bits: number) =>
    to.graph.node("Less", [
      to.graph.node("Abs", [to.tensor(x)]),
      to.graph.scalar("float32", floatOf(bits)),
    ]);
  const finite = maskedBits(left, exponent);
  if (finite && op === "not_equal" && limit === exponent) return below(finite, exponent);
  if (op !== "less") return undefined;
  const made = madeBy(left);
  const params = made?.params[0] as { op?: string; axis?: readonly number[] } | undefined;
  const all = made?.primitive === "reduce" && params?.op === "Max";
  const x = maskedBits(all ? made.inputs[0]! : left, withoutSign);
  if (!x) return undefined;
  const flags = below(x, limit);
  if (!all) return flags;
  const axes = params?.axis as readonly number[];
  const least = to.graph.node("ReduceMin", [to.cast(flags, "int32"), to.graph.ints(axes)], {
    keepdims: { int: 0 },
  });
  return to.cast(least, "bool");
}

/** The float32 numbers whose bits a value is, cut by a mask. */
function maskedBits(value: Value, mask: number): Value | undefined {
  const cut = madeBy(value);
  const { op } = (cut?.params[0] ?? {}) as { op?: string };
  if (cut?.primitive !== "bit_combine" || op !== "and") return undefined;
  if (numberOf(cut.inputs[1]!) !== mask) return undefined;
  const bits = madeBy(cut.inputs[0]!);
  const [x] = bits?.inputs ?? [];
  return bits?.primitive === "bitcast" && x?.dtype === "float32" ? x : undefined;
}

function floatOf(bits: number): number {
  return new Float32Array(new Uint32Array([bits]).buffer)[0] as number;
}
