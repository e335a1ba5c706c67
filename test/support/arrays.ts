import { numpy as np, tree } from "@jax-js/jax";

/** Rows of numbers as `[N, D]`. */
export const floats = (rows: readonly (readonly number[])[]): np.Array =>
  np.array(new Float32Array(rows.flat()), { shape: [rows.length, rows[0]?.length ?? 0] });

/** int32 indices, `[N]` or of the shape given. */
export const integers = (values: readonly number[], shape?: number[]): np.Array =>
  np.array(new Int32Array(values), { shape: shape ?? [values.length] });

/** The entries of an array, in order; consumes it. */
export const numbers = async (x: np.Array | undefined): Promise<number[]> => [
  ...(await (x as np.Array).data()),
];

/** The entries of all arrays of a tree; consumes it. */
export const leaves = (values: unknown): Promise<number[][]> =>
  Promise.all((tree.leaves(values as never) as np.Array[]).map(numbers));

/** One list cut into rows. */
export const rowsOf = (values: readonly number[], width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, n) => values.slice(n * width, (n + 1) * width));
