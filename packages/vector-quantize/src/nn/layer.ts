import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { LayerWork } from "../kernels/layers/layerWork.ts";
import type { ArrayTree } from "../tree.ts";
import type { ImageReach } from "./reach.ts";

/** Plain JSON: a layer's type and options. */
export interface LayerConfig {
  readonly type: string;
  readonly [option: string]: unknown;
}

/** What a layer gets in training beside its parameters and input. */
export interface TrainingCall {
  /** Its state; `{}` if it has none. */
  readonly state: ArrayTree;
  /** PRNG key of its own, if the caller gave one. */
  readonly key?: np.Array;
}

/**
 * A function with parameters: the part of a model that is not a quantizer.
 *
 * Layers are made by factories that close over their options (`linear({ inFeatures: 4, outFeatures: 8 })`). Images
 * are channels-last, `[B, H, W, C]`. A layer without parameters has the tree `{}`.
 */
export interface Layer<P extends ArrayTree = ArrayTree> {
  /** Plain JSON that rebuilds the layer: `{ type, ...options }`. */
  readonly config: LayerConfig;
  /** Fresh parameters. Takes `key`. */
  init(key: np.Array): P;
  /**
   * Pure and traceable: works under `jit`, `grad` and `vjp`. Takes its arrays.
   *
   * @param state of a layer that has one
   */
  apply(params: P, x: np.Array, state?: ArrayTree): np.Array;
  /**
   * What a layer does in training, where that is not `apply`, and its state after it, `{}` for none.
   * Pure and traceable. Takes its arrays.
   */
  train?(params: P, x: np.Array, call: TrainingCall): [output: np.Array, state: ArrayTree];
  /** Fresh state, which `train` moves and gradients don't. */
  initState?(): ArrayTree;
  /** Whether `train` draws, and so wants a key. */
  readonly draws?: boolean;
  /**
   * What `apply` computes for inputs of `shape`, and `train`, as plain data, for kernels to do it by. Throws
   * what `apply` would. A layer without it, or of which it is undefined, runs as a graph.
   */
  work?(shape: readonly number[]): LayerWork | undefined;
  /**
   * How far `apply` sees in images, for taking large ones in tiles: along both axes, or as far as the
   * layers inside of it. Without it they are taken whole.
   */
  readonly reach?: ImageReach | { readonly inside: readonly Layer[] };
}

/** The parameters of a layer that has none. */
export type NoParams = Record<string, never>;

/** `init` of a layer without parameters. Takes `key`. */
export function noParameters(key: np.Array): NoParams {
  key.dispose();
  return {};
}

/** For a training call without a key of layers that draw. */
export const keyMissing = (where: string) =>
  expected(
    `${where}: key`,
    "a key in training, for dropout",
    undefined,
    "Make one by random.key(0)",
  );
