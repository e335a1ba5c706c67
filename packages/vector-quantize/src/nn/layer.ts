import type { numpy as np } from "@jax-js/jax";
import type { ArrayTree } from "../tree.ts";

/** Plain JSON: a layer's type and options. */
export interface LayerConfig {
  readonly type: string;
  readonly [option: string]: unknown;
}

/**
 * A function with parameters: the part of a model that is not a quantizer.
 *
 * Layers are made by factories that close over their options (`linear({ in: 4, out: 8 })`). Images
 * are channels-last, `[B, H, W, C]`. A layer without parameters has the tree `{}`.
 */
export interface Layer<P extends ArrayTree = ArrayTree> {
  /** Plain JSON that rebuilds the layer: `{ type, ...options }`. */
  readonly config: LayerConfig;
  /** Fresh parameters. Takes `key`. */
  init(key: np.Array): P;
  /** Pure and traceable: works under `jit`, `grad` and `vjp`. Takes `params` and `x`. */
  apply(params: P, x: np.Array): np.Array;
  /**
   * `apply`, and what `backward` needs from it. Both are there for layers that would otherwise have
   * to compute again what lies inside of them; of the others the input is kept. Takes its arrays.
   */
  forward?(params: P, x: np.Array): [output: np.Array, kept: ArrayTree];
  /** Gradients by `params` and by the input, from that by the output. Takes its arrays. */
  backward?(params: P, kept: ArrayTree, gradient: np.Array): [byParams: P, byInput: np.Array];
}

/** The parameters of a layer that has none. */
export type NoParams = Record<string, never>;

/** `init` of a layer without parameters. Takes `key`. */
export function noParameters(key: np.Array): NoParams {
  key.dispose();
  return {};
}
