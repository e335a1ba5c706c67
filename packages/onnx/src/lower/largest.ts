/** The place of the largest number of a row. */
import { sameDimension } from "../trace/dimension.ts";
import type { Step, Value } from "../trace/program.ts";
import { type Lowering, madeBy, numberOf } from "./lowering.ts";

/**
 * `min(where(x < max(x), K - 1, [0, 1, ..., K - 1]))` along the last axis, which is how the library finds
 * the first of the largest: ArgMax, which gives a place within the row for NaN too.
 *
 * @returns undefined for other reductions
 */
export function largestPlace(step: Step, to: Lowering): string | undefined {
  const { op, axis } = step.params[0] as { op: string; axis: readonly number[] };
  const chosen = madeBy(step.inputs[0]!);
  const last = step.inputs[0]!.shape.length - 1;
  if (op !== "Min" || axis.join() !== `${last}` || chosen?.primitive !== "where") return undefined;
  const [condition, none, places] = chosen.inputs as [Value, Value, Value];
  const K = places.shape.at(-1);
  if (numberOf(none) !== Number(K) - 1 || !isCounting(places, to)) return undefined;
  const compared = madeBy(condition);
  const less = (compared?.params[0] as { op?: string } | undefined)?.op === "less";
  if (compared?.primitive !== "compare" || !less) return undefined;
  const [x, top] = compared.inputs as [Value, Value];
  if (!isLargest(top, x) || x.shape.length !== last + 1) return undefined;
  if (!sameDimension(x.shape[last]!, K!)) return undefined;
  const place = to.graph.node("ArgMax", [to.tensor(x)], {
    axis: { int: last },
    keepdims: { int: 0 },
  });
  return to.cast(place, "int32");
}

/** Whether a value is the largest of each row of `x`, along the last axis. */
function isLargest(value: Value, x: Value): boolean {
  const made = madeBy(value);
  const reduced = made?.primitive === "reshape" ? madeBy(made.inputs[0]!) : made;
  const { op, axis } = (reduced?.params[0] ?? {}) as { op?: string; axis?: readonly number[] };
  const ofLast = axis?.join() === `${x.shape.length - 1}`;
  return reduced?.primitive === "reduce" && op === "Max" && ofLast && reduced.inputs[0] === x;
}

function isCounting(value: Value, to: Lowering): boolean {
  if (value.source.kind !== "captured" || value.shape.length !== 1) return false;
  if (!to.constants.has(value)) return false;
  return to.constants.capturedNumbers(value)[0]!.every((number, at) => number === at);
}
