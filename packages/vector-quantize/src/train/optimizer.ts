import type { ArrayTree } from "../tree.ts";
import { mapTrees } from "./trees.ts";

/** Moments, counts and the like; its shape depends on the transformation. */
export type OptState = ArrayTree;

/**
 * Turns gradients into updates: the interface of optax (https://github.com/google-deepmind/optax)
 * as jax-js's own port of it has it.
 *
 * Both functions are pure and traceable and take ownership of their arguments. `updates` has the
 * structure of `params`.
 */
export interface GradientTransformation {
  /** The state before the first update. */
  init(params: ArrayTree): OptState;
  /** The updates to add to `params`, and the next state. */
  update<P extends ArrayTree>(updates: P, state: OptState, params: P): [P, OptState];
}

/** `params + updates`, leaf by leaf. */
export function applyUpdates<P extends ArrayTree>(params: P, updates: P): P {
  return mapTrees((p, u) => p.add(u), params, updates);
}
