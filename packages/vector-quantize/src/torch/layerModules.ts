/** What PyTorch's layers keep, and where it stands in ours. */
import { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Layer } from "../nn/layer.ts";
import { treeShapes } from "../quantizers/guard/arguments.ts";
import type { ArrayTree } from "../tree.ts";
import type { Field, Module } from "./module.ts";

/** A tensor of a layer in PyTorch. */
export interface LayerField extends Field {
  /** What stands for it where a file has none, as without `affine`. Default: a file has it. */
  absent?(): np.Array;
}

/** What a layer keeps. */
export interface LayerModule extends Module {
  readonly fields: readonly LayerField[];
  readonly parts?: readonly (NonNullable<Module["parts"]>[number] & {
    readonly module: LayerModule;
  })[];
}

/** Where the axes of ours stand in PyTorch's weight. */
const weightAxes: Readonly<Record<string, readonly number[]>> = {
  linear: [1, 0],
  conv1d: [2, 1, 0],
  conv2d: [2, 3, 1, 0],
  convTranspose1d: [2, 0, 1],
  convTranspose2d: [2, 3, 0, 1],
};

const norms = ["layerNorm", "groupNorm", "batchNorm"];

/**
 * What PyTorch's layer keeps for one of ours; residual layers have theirs below `layers.0.` and so on.
 *
 * @throws VectorQuantizeError for a layer with parameters that PyTorch has no equal of
 */
export function layerModule(where: string, layer: Layer): LayerModule {
  const { type, layers } = layer.config as { type: string; layers?: readonly unknown[] };
  const { reach } = layer;
  if (type === "residual" && reach && "inside" in reach && layers) {
    const parts = reach.inside.map((inner, at) => ({
      prefix: `layers.${at}.`,
      place: ["layers", at],
      module: layerModule(`${where}.layers[${at}]`, inner),
    }));
    return { fields: [], parts };
  }
  const shapes = shapesOfParams(layer);
  const names = Object.keys(shapes);
  const axes = weightAxes[type];
  if (type === "snake") return { fields: [snakeAlpha(shapes.alpha as number[])] };
  if (axes) {
    return {
      fields: names.map((name) =>
        name === "weight"
          ? turned(name, shapes.weight as number[], axes)
          : plain(name, name, shapes[name] as number[]),
      ),
    };
  }
  if (norms.includes(type)) {
    const channels = shapes.weight as number[];
    const affine = [
      { ...plain("weight", "weight", channels), absent: () => np.ones(channels) },
      { ...plain("bias", "bias", channels), absent: () => np.zeros(channels) },
    ];
    return { fields: type === "batchNorm" ? [...affine, ...running(channels)] : affine };
  }
  if (names.length === 0) return { fields: [] };
  throw expected(where, "a layer that PyTorch has", type);
}

/** What batch normalisation goes by in evaluation. */
const running = (channels: number[]): LayerField[] => [
  { name: "running_mean", shape: channels, path: ["state", "mean"] },
  { name: "running_var", shape: channels, path: ["state", "variance"] },
  {
    name: "num_batches_tracked",
    shape: [],
    theirs: () => np.array(0, { dtype: np.int32 }),
    absent: () => np.array(0, { dtype: np.int32 }),
  },
];

const plain = (name: string, ours: string, shape: number[]): LayerField => ({
  name,
  shape,
  path: ["params", ours],
});

function turned(name: string, shape: number[], axes: readonly number[]): LayerField {
  const back = axes.map((_, axis) => axes.indexOf(axis));
  return {
    ...plain(
      name,
      name,
      back.map((axis) => shape[axis] as number),
    ),
    ours: (tensor) => np.permuteDims(tensor, [...axes]),
    theirs: (array) => np.permuteDims(array, back),
  };
}

/** DAC's `[1, C, 1]`. */
const snakeAlpha = ([channels = 1]: number[]): LayerField => ({
  ...plain("alpha", "alpha", [1, channels, 1]),
  ours: (tensor) => tensor.reshape([channels]),
  theirs: (array) => array.reshape([1, channels, 1]),
});

/** Shapes of the parameters of a layer that has no layers in it. */
function shapesOfParams(layer: Layer): Readonly<Record<string, number[]>> {
  const shapes = treeShapes((key) => layer.init(key) as ArrayTree) ?? {};
  return Object.fromEntries(
    Object.entries(shapes).map(([name, leaf]) => [name, [...(leaf as { shape: number[] }).shape]]),
  );
}
