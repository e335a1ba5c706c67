import { lax, numpy as np } from "@jax-js/jax";

/**
 * Vectors that are compared by distance or direction hold numbers below this size, some 1e15: no
 * square, sum or mean of them leaves float32, whatever the size of the batch.
 */
export const NUMBER_LIMIT = 2 ** 50;

/** Which rows of `x` `[..., D]` hold finite numbers only: bool `[...]`. */
export const finiteRows = (x: np.Array): np.Array => rowsBelow(x, 0x7f800000);

/** Which rows of `x` `[..., D]` hold numbers below `NUMBER_LIMIT` only: bool `[...]`. */
export const usableRows = (x: np.Array): np.Array => rowsBelow(x, 0x58800000);

/** `x` `[..., D]` with NaN throughout the rows that are not `good` `[...]`. */
export function refuseRows(x: np.Array, good: np.Array): np.Array {
  return np.where(np.expandDims(good, -1), x, Number.NaN);
}

function rowsBelow(x: np.Array, bits: number): np.Array {
  // By bits: on WebGPU, fast maths makes every comparison with NaN meaningless.
  const unsigned = (value: number) => np.array(value, { dtype: np.uint32 });
  const sizes = np.bitwiseAnd(
    lax.bitcastConvertType(lax.stopGradient(x), np.uint32),
    unsigned(0x7fffffff),
  );
  return np.max(sizes, -1).less(unsigned(bits));
}
