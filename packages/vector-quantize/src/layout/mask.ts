import { numpy as np } from "@jax-js/jax";
import { asNumbers, int32 } from "../tracing.ts";
import type { Layout } from "./layout.ts";

/** The arrays that say which positions are real. */
type Masks = {
  mask?: np.Array;
  lengths?: np.Array;
};

/**
 * Which of the N vectors are real, as bool `[N]`, or nothing if all are.
 *
 * `lengths` counts along the first position axis.
 */
export function maskOfVectors(masks: Masks, positions: readonly number[]): np.Array | undefined {
  const { mask, lengths } = masks;
  if (mask) return mask.reshape([-1]); // [N]
  if (!lengths) return undefined;
  const inner = positions.slice(1).map((size, axis) => (axis === 0 ? size : 1));
  const order = np.arange(positions[1] as number).reshape([1, ...inner]);
  const limit = lengths.reshape([positions[0] as number, ...inner.map(() => 1)]);
  return np.broadcastTo(order.less(limit), [...positions]).reshape([-1]); // [N]
}

/** Mean of `values` `[N, ...]` over the real vectors; 0, not NaN, if there are none. */
export function maskedMean(values: np.Array, mask: np.Array | undefined): np.Array {
  if (!mask) return total(values.ref).div(values.size);
  const perVector = values.size / (values.shape[0] as number);
  const wide = mask.ref.reshape([-1, ...values.shape.slice(1).map(() => 1)]);
  const sum = total(np.where(wide, values, 0));
  const count = np.sum(asNumbers(mask)).mul(perVector);
  return sum.div(np.maximum(count, 1));
}

/** Sum of all entries, axis by axis: in one go, float32 loses digits from some 10,000 entries on. */
function total(values: np.Array): np.Array {
  let sum = values;
  while (sum.ndim > 0) sum = np.sum(sum, -1);
  return sum;
}

/** Index -1 in place of `indices` `[N]` at the positions that are not real. */
export function hideMasked(indices: np.Array, mask: np.Array | undefined): np.Array {
  return mask ? np.where(mask, indices, int32(-1)) : indices;
}

/** `padding` in place of `output` at the positions that are not real; both laid out by `layout`. */
export function fillMasked(
  output: np.Array,
  padding: np.Array,
  mask: np.Array | undefined,
  layout: Layout,
): np.Array {
  if (!mask) return output;
  const axis = layout === "channelLast" ? output.ndim - 1 : 1;
  const wide = output.shape.map((size, at) => (at === axis ? 1 : size));
  return np.where(mask.reshape(wide), output, padding);
}

/** Zeros at the positions of `output` that are not real. */
export function zeroMasked(
  output: np.Array,
  masks: Masks,
  positions: readonly number[],
  layout: Layout,
): np.Array {
  const mask = maskOfVectors(masks, positions);
  return mask ? fillMasked(output.ref, np.zerosLike(output), mask, layout) : output;
}
