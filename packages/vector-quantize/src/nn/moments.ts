import { numpy as np } from "@jax-js/jax";

/** More terms than this are added up in parts: jax-js adds one after the other, and loses digits. */
const mostTerms = 1024;

/** Means along some axes, which stay with length 1. Takes `x`. */
export function meansAlong(x: np.Array, axes: readonly number[]): np.Array {
  return axes.reduce((rest, axis) => {
    const length = rest.shape[axis] as number;
    return sumAlong(rest, axis).mul(1 / length);
  }, x);
}

function sumAlong(x: np.Array, axis: number): np.Array {
  const length = x.shape[axis] as number;
  if (length <= mostTerms) return np.sum(x, axis, { keepdims: true });
  const parts = Math.ceil(length / mostTerms);
  const pads = x.shape.map((_, at): [number, number] => [
    0,
    at === axis ? parts * mostTerms - length : 0,
  ]);
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const cut = np.pad(x, pads).reshape([...before, parts, mostTerms, ...after]);
  return sumAlong(np.sum(cut, axis + 1), axis);
}
