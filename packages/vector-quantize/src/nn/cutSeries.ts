import type { numpy as np } from "@jax-js/jax";

/** The first `length` of series, of all that a model puts out for them. Takes `x`. */
export const cutToLength = (x: np.Array, length: number): np.Array =>
  x.shape[1] === length ? x : x.slice([], [0, length]);
