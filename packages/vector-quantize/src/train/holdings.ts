import type { numpy as np } from "@jax-js/jax";
import type { ModelVariables } from "../nn/model.ts";
import type { HeldState } from "./heldState.ts";

/** What else a state of training has. */
export interface BesideHeld {
  /** The variables but the parameters. */
  readonly moved: Omit<ModelVariables, "params">;
  readonly key: np.Array;
  readonly step: np.Array;
}

/** What stands behind a state whose arrays are not all there. */
export interface Holding extends BesideHeld {
  readonly held: HeldState;
  /** Who knows what is done with it. */
  readonly owner: object;
}

/** Of each state that has one. */
export const holdings = new WeakMap<object, Holding>();

/** The arrays of a state beside those that are held for it; undefined for a state of arrays alone. */
export const besideHeld = (state: unknown): BesideHeld | undefined => holdings.get(state as object);
