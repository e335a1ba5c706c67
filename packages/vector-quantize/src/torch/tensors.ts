import type { numpy as np } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import type { Norm, Projection } from "../layout/projection.ts";

/** Shapes of tensors by their names in a `state_dict`. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

/**
 * Throws unless `tensors` are those of `shapes`, no more and no less.
 *
 * @param absent names that may be missing, if all of them are
 */
export function checkTensors(
  where: string,
  tensors: Readonly<Record<string, np.Array>>,
  shapes: Shapes,
  absent: readonly string[] = [],
): void {
  const extra = Object.keys(tensors).filter((name) => !(name in shapes));
  if (extra.length > 0) {
    throw new VectorQuantizeError(
      `${where}: expected no tensors but ${Object.keys(shapes).join(", ")}, got ${extra.join(", ")}`,
    );
  }
  const noneOfThem = absent.every((name) => !(name in tensors));
  for (const [name, shape] of Object.entries(shapes)) {
    const tensor = tensors[name];
    if (!tensor) {
      if (noneOfThem && absent.includes(name)) continue;
      throw new VectorQuantizeError(`${where}: expected a tensor ${name}, got none`);
    }
    if (String(tensor.shape) !== String(shape)) {
      throw expected(`${where}: shape of ${name}`, JSON.stringify(shape), tensor.shape);
    }
  }
}

/** Shapes of an `nn.Linear`. */
export const linearShapes = (name: string, inputs: number, outputs: number): Shapes => ({
  [`${name}.weight`]: [outputs, inputs],
  [`${name}.bias`]: [outputs],
});

/** Shapes of an `nn.LayerNorm`. */
export const normShapes = (name: string, width: number): Shapes => ({
  [`${name}.weight`]: [width],
  [`${name}.bias`]: [width],
});

/** An `nn.Linear`: PyTorch keeps its weight as `[out, in]`, we as `[in, out]`. */
export function linearOf(tensors: Record<string, np.Array>, name: string): Projection {
  const { weight, bias } = normOf(tensors, name);
  return { weight: weight.transpose(), bias };
}

/** An `nn.LayerNorm`. */
export function normOf(tensors: Record<string, np.Array>, name: string): Norm {
  const take = (part: string) => (tensors[`${name}.${part}`] as np.Array).ref;
  return { weight: take("weight"), bias: take("bias") };
}

/** The inverse of `linearOf`: nothing where there is no map. */
export function linearTensors(name: string, map: Projection | undefined) {
  return normTensors(name, map && { weight: map.weight.ref.transpose(), bias: map.bias.ref });
}

/** The inverse of `normOf`; takes ownership. */
export function normTensors(name: string, norm: Norm | undefined): Record<string, np.Array> {
  return norm ? { [`${name}.weight`]: norm.weight, [`${name}.bias`]: norm.bias } : {};
}
