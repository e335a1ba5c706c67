import { numpy as np } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import { checkArray } from "../quantizers/guard/arguments.ts";
import type { Tensors } from "./module.ts";

/** Names of a magnitude and its direction, in both of PyTorch's ways to keep them. */
const pairs: readonly (readonly [magnitude: string, direction: string])[] = [
  ["weight_g", "weight_v"],
  ["parametrizations.weight.original0", "parametrizations.weight.original1"],
];

/**
 * Tensors with each weight in place of its magnitude and direction: `weight = g v / |v|`, the length over
 * the axes that `g` has none of. Those that stay keep their reference with `tensors` alone.
 *
 * @param made gets what is made here, for its owner to give up
 *
 * Source: Salimans & Kingma, "Weight Normalization", 2016, https://arxiv.org/abs/1602.07868; PyTorch's
 * `torch.nn.utils.weight_norm` and `torch.nn.utils.parametrizations.weight_norm`.
 */
export function mergeWeightNorm(where: string, tensors: Tensors, made: np.Array[]): Tensors {
  const merged: Tensors = {};
  const keep = (name: string, tensor: np.Array) => {
    if (Object.hasOwn(merged, name)) {
      throw new VectorQuantizeError(
        `${where}: expected one way to tell ${name}, got it beside its magnitude and direction, or these twice`,
      );
    }
    merged[name] = tensor;
  };
  for (const [name, tensor] of Object.entries(tensors)) {
    const pair = pairs.find((names) => names.some((end) => hasEnd(name, end)));
    if (!pair) {
      keep(name, tensor);
      continue;
    }
    const [g, v] = pair;
    const stem = name.slice(0, name.length - (hasEnd(name, g) ? g : v).length);
    const [magnitude, direction] = [tensors[stem + g], tensors[stem + v]];
    if (!magnitude || !direction) {
      throw new VectorQuantizeError(
        `${where}: expected a tensor ${stem}${magnitude ? v : g} beside ${name}, got none`,
      );
    }
    if (hasEnd(name, v)) continue; // with its magnitude
    checkArray(where, `tensor ${stem}${g}`, magnitude, "float32");
    checkArray(where, `tensor ${stem}${v}`, direction, "float32");
    checkMagnitude(`${where}: shape of ${name}`, magnitude.shape, direction.shape);
    const weight = normalised(magnitude, direction);
    made.push(weight);
    keep(`${stem}weight`, weight);
  }
  return merged;
}

const hasEnd = (name: string, end: string) => name === end || name.endsWith(`.${end}`);

function checkMagnitude(where: string, given: readonly number[], of: readonly number[]): void {
  const fits =
    given.length === 0 ||
    (given.length === of.length && given.every((size, axis) => size === 1 || size === of[axis]));
  if (!fits) throw expected(where, `ones or the sizes of the direction [${of}]`, given);
}

function normalised(magnitude: np.Array, direction: np.Array): np.Array {
  let squares = np.square(direction.ref);
  // Axis by axis: in one go, float32 loses digits.
  for (const axis of direction.shape.keys()) {
    if ((magnitude.shape[axis] ?? 1) === 1) squares = np.sum(squares, axis, { keepdims: true });
  }
  return direction.ref.mul(magnitude.ref.div(np.sqrt(squares)));
}
