import type { numpy as np } from "@jax-js/jax";
import type { ArrayTree } from "../tree.ts";

/** What else a state of training has. */
export interface BesideHeld {
  /** The quantizer's. */
  readonly state: ArrayTree;
  readonly key: np.Array;
  readonly step: np.Array;
}

/** Of each state whose other arrays are held in the kernels' memory. */
export const holdings = new WeakMap<object, BesideHeld>();

/** The arrays of a state beside those that are held for it; undefined for a state of arrays alone. */
export const besideHeld = (state: unknown): BesideHeld | undefined => holdings.get(state as object);
