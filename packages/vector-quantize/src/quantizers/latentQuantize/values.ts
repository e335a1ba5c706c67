import { nn, numpy as np } from "@jax-js/jax";
import { firstLargest } from "../../search/firstLargest.ts";

/** The values that each dimension may take: one array `[levels]` a dimension. */
export type Values = readonly np.Array[];

/**
 * Values to start from, from -0.5 and with 0 among them: evenly to 0.5 for an odd number, in steps of
 * `1 / levels` for an even one.
 */
export function initValues(levels: readonly number[]): np.Array[] {
  return levels.map((count) => {
    const step = count % 2 === 1 ? 1 / (count - 1) : 1 / count;
    return np.array(Float32Array.from({ length: count }, (_, level) => level * step - 0.5));
  });
}

/** Column `d` of `x` `[N, codebooks, d]`, with its axis kept. */
const column = (x: np.Array, d: number) => x.slice([], [], [d, d + 1]);

/** The nearest value of every entry of `x` `[N, codebooks, d]`: int32, of equal ones the lowest. */
export function nearestLevels(x: np.Array, values: Values): np.Array {
  const found = values.map((own, d) =>
    np.expandDims(firstLargest(np.absolute(column(x.ref, d).sub(own)).neg()), -1),
  );
  return np.concatenate(found, -1);
}

/** The values of levels `[N, codebooks, d]`, with their gradient. */
export function valuesOf(levels: np.Array, values: Values): np.Array {
  // Products with one-hot rows: the gradient of a gather is slow on Wasm.
  const found = values.map((own, d) => {
    const chosen = nn.oneHot(np.squeeze(column(levels.ref, d), -1), own.size); // [N, codebooks, L]
    return np.sum(chosen.mul(own), -1, { keepdims: true });
  });
  return np.concatenate(found, -1);
}
